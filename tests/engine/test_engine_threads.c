/* Threads of one process that work on one vault at once, each with handles of its own, as
 * docs/API.md allows; they share a policy, and the identity's file. Each is done or refused, and is
 * then done when it is repeated. More of it with ADP_SOAK=1. To be run under a thread sanitizer,
 * too. */
#include <pthread.h>

#include "work_test.h"

#define NUM_THREADS 4u
#define ROUNDS      6u  /* of each thread */
#define MANY_ROUNDS 60u /* in a soak */

static struct adp_policy *policy;

struct worker {
    pthread_t thread;
    unsigned number, rounds;
    unsigned num_sealed, num_refused, num_failed;
};

/* What may run beside everything else and be right. */
static const enum work things[] = {SEAL,    VERIFY,           SCRUB,     ROTATE,     REWRAP, OPEN,
                                   HISTORY, SEAL_WITH_PARITY, SNAPSHOTS, PARITY_ADD, REPAIR, LIST};

static void do_one(struct worker *worker, enum work work)
{
    struct adp_error err = {0};
    struct adp_verdict verdict;
    struct actor actor;
    enum adp_status status = actor_open(&actor, &err);

    adp_policy_classify(policy, "source/a.jpg", 0, &verdict);
    actor.number = worker->number;
    if (status == ADP_OK)
        status = run_work(&actor, work, &err);
    worker->num_sealed += status == ADP_OK && is_seal(work);
    worker->num_refused += status == ADP_ERR_CONFLICT;
    worker->num_failed += !is_right(work, status, &err) || verdict.category != photos;
    actor_close(&actor);
}

static void *run_worker(void *user)
{
    struct worker *worker = user;

    for (unsigned round = 0; round < worker->rounds; round++)
        do_one(worker, things[(worker->number * 5 + round * 7 + round / 3) % NUM_OF(things)]);
    return NULL;
}

static void test_threads(void)
{
    struct worker workers[NUM_THREADS] = {0};
    unsigned rounds = is_soak() ? MANY_ROUNDS : ROUNDS, num_sealed = 0, num_failed = 0;

    make_base();
    go_back();
    CU_ASSERT_EQUAL_FATAL(adp_policy_load(&policy, NULL, &rig.err), ADP_OK);
    for (unsigned i = 0; i < NUM_THREADS; i++) {
        workers[i].number = i;
        workers[i].rounds = rounds;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
    }
    for (unsigned i = 0; i < NUM_THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(workers[i].thread, NULL), 0);
        num_sealed += workers[i].num_sealed;
        num_failed += workers[i].num_failed;
    }
    CU_ASSERT_EQUAL(num_failed, 0);
    check_settled(BASE + num_sealed);
    adp_assurance_add("concurrency", "work on threads of one process", NUM_THREADS * rounds,
                      NUM_THREADS * rounds - num_failed);
    adp_policy_free(policy);
    seal_rig_close(&rig);
}

int main(void)
{
    static const struct adp_test_case cases[] = {
        {"threads at once on one vault", test_threads},
    };

    return adp_test_main("threads", cases, NUM_OF(cases));
}
