/* The sandbox on kernels that have less of it, through the public header. */
#include <errno.h>
#include <seccomp.h>
#include <sys/wait.h>

#include "assurance.h"
#include "confine.h"
#include "confine_test.h"
#include "engine_test.h"
#include "sandbox.h"
#include "seal_test.h"

/* struct kernel is one that lacks something. */
struct kernel {
    int calls[3];     /* that it lacks; -1 after the last */
    int is_deadly;    /* who makes them is killed: an emulator does that, or a filter around us */
    const char *name; /* of the sandbox that there is */
};

/* In a child: calls |number| end as they do on |kernel|. */
static void lack(const struct kernel *kernel, int number)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    seccomp_rule_add_array(filter,
                           kernel->is_deadly ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS),
                           number, 0, NULL);
    if (seccomp_load(filter) < 0)
        _exit(77);
    seccomp_release(filter);
}

static int refuses_on(struct seal_rig *rig)
{
    return adp_vault_set_sandbox(rig->vault, "on", &rig->err) == ADP_OK &&
           adp_list(rig->vault, &(struct adp_selection){.snapshot = "latest"}, NULL, NULL, NULL,
                    &rig->err) == ADP_ERR_UNSUPPORTED &&
           strstr(rig->err.hint, "--sandbox=auto") != NULL;
}

static int restores_with(struct seal_rig *rig, const char *how, const char *name)
{
    struct adp_open_options options = {
        .selection = {.snapshot = "latest"}, .target = rig->target, .overwrite = 1};
    struct adp_report report = {0};

    return adp_vault_set_sandbox(rig->vault, how, &rig->err) == ADP_OK &&
           adp_open(rig->vault, &options, &report, &rig->err) == ADP_OK &&
           strcmp(report.sandbox, name) == 0;
}

/* Returns whether a process on |kernel| does as it should. */
static int does_with_less(struct seal_rig *rig, const struct kernel *kernel)
{
    int status = 0;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct adp_identity *identity = NULL;
        int ok;

        /* A forked process has no keys. */
        ok = adp_identity_load(&identity, rig->identity_path, NULL, &rig->err) == ADP_OK &&
             adp_vault_open(&rig->vault, rig->vault_path, identity, &rig->err) == ADP_OK;
        for (const int *call = kernel->calls; *call >= 0; call++)
            lack(kernel, *call);
        _exit(ok && restores_with(rig, NULL, kernel->name) && restores_with(rig, "off", "off") &&
                      refuses_on(rig)
                  ? 0
                  : 1);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_less(void)
{
    static const struct kernel kernels[] = {
        {{SCMP_SYS(landlock_create_ruleset), -1}, 0, "seccomp"},
        {{SCMP_SYS(seccomp), -1}, 0, "landlock"},
        {{SCMP_SYS(landlock_create_ruleset), SCMP_SYS(seccomp), -1}, 0, "off"},
        {{SCMP_SYS(pidfd_open), -1}, 0, "off"},
        {{SCMP_SYS(seccomp), -1}, 1, "landlock"},
        {{SCMP_SYS(landlock_restrict_self), -1}, 1, "off"},
    };
    unsigned long ok = 0;
    struct seal_rig rig;
    struct adp_report report = {0};

    seal_rig_open(&rig);
    seal_rig_write(&rig, "a", 1000, 1);
    CU_ASSERT_EQUAL(seal_rig_seal(&rig, (struct adp_options){0}, &report), ADP_OK);
    for (size_t i = 0; i < NUM_OF(kernels); i++)
        ok += (unsigned long)does_with_less(&rig, &kernels[i]);
    CU_ASSERT_EQUAL(ok, NUM_OF(kernels));
    adp_assurance_add("sandbox", "kernels that have less", NUM_OF(kernels), ok);
    CU_ASSERT_EQUAL(adp_vault_set_sandbox(rig.vault, "maybe", &rig.err), ADP_ERR_ARGUMENT);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {{"kernels that have less", test_less}};

    /* A sanitizer's process with threads has none. */
    if (ADP_CONFINE_LOOSE || !ct_has_all())
        return ADP_TEST_SKIPPED;
    return adp_test_main("engine/sandbox_less", cases, NUM_OF(cases));
}
