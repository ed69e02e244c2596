/* An embedder: plain C11, the public header alone, the shared library. It seals, and opens again
 * with a vault of its own. */
#include <adpseal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check(enum adp_status status, const struct adp_error *err)
{
    if (status != ADP_OK)
        fprintf(stderr, "%s: %s\n", adp_status_string(status), err->message);
    return status == ADP_OK;
}

static int run(const char *dir, const char *source, struct adp_identity **identity,
               struct adp_vault **vault)
{
    char path[512];
    const char *const sources[] = {source};
    struct adp_seal_options seal = {.sources = sources, .num_sources = 1};
    struct adp_open_options open = {.selection = {.snapshot = "latest"}};
    struct adp_verify_options verify = {.selection = {.snapshot = "latest"}};
    struct adp_report report;
    struct adp_error err = {0};

    snprintf(path, sizeof(path), "%s/identity", dir);
    if (!check(adp_identity_create(identity, path, ADP_KIND_DEVICE, "box", NULL, &err), &err))
        return 0;
    snprintf(path, sizeof(path), "%s/vault", dir);
    if (!check(adp_vault_create(vault, path, *identity, "box", &err), &err) ||
        !check(adp_seal(*vault, &seal, &report, &err), &err))
        return 0;
    snprintf(path, sizeof(path), "%s/restored", dir);
    open.target = path;
    return check(adp_verify(*vault, &verify, &report, &err), &err) &&
           check(adp_open(*vault, &open, &report, &err), &err) && report.categories[0].files == 1;
}

int main(int argc, char **argv)
{
    struct adp_identity *identity = NULL;
    struct adp_vault *vault = NULL;
    int ok;

    if (argc != 3)
        return 2;
    ok = run(argv[1], argv[2], &identity, &vault);
    adp_vault_free(vault);
    adp_identity_free(identity);
    return ok ? 0 : 1;
}
