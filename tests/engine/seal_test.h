/* A vault, an identity and a source in a temporary folder, for tests that go through the public
 * header as an embedder would. */
#ifndef SEAL_TEST_H
#define SEAL_TEST_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adp_test.h"
#include "adpseal.h"

struct seal_rig {
    char dir[64];
    char vault_path[96], source[96], target[96], identity_path[96];
    struct adp_identity *identity;
    struct adp_vault *vault;
    struct adp_error err;
};

static inline void seal_rig_open(struct seal_rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    strcpy(rig->dir, "/tmp/adp-seal-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig->dir));
    snprintf(rig->vault_path, sizeof(rig->vault_path), "%s/vault", rig->dir);
    snprintf(rig->source, sizeof(rig->source), "%s/source", rig->dir);
    snprintf(rig->target, sizeof(rig->target), "%s/target", rig->dir);
    snprintf(rig->identity_path, sizeof(rig->identity_path), "%s/identity", rig->dir);
    CU_ASSERT_EQUAL_FATAL(mkdir(rig->source, 0755), 0);
    CU_ASSERT_EQUAL_FATAL(adp_identity_create(&rig->identity, rig->identity_path, ADP_KIND_DEVICE,
                                              "rig", NULL, &rig->err),
                          ADP_OK);
    CU_ASSERT_EQUAL_FATAL(
        adp_vault_create(&rig->vault, rig->vault_path, rig->identity, "rig", &rig->err), ADP_OK);
}

static inline void seal_rig_close(struct seal_rig *rig)
{
    char command[256];

    adp_vault_free(rig->vault);
    adp_identity_free(rig->identity);
    snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -rf %s", rig->dir, rig->dir);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* seal_rig_write makes the file |name| in the source, of |len| bytes of noise from |seed|. */
static inline void seal_rig_write(struct seal_rig *rig, const char *name, size_t len, unsigned seed)
{
    char path[256];
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", rig->source, name);
    file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (size_t i = 0; i < len; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        fwrite(&state, 1, len - i < 8 ? len - i : 8, file);
    }
    fclose(file);
}

static inline enum adp_status seal_rig_seal(struct seal_rig *rig, struct adp_options common,
                                            struct adp_report *report)
{
    const char *sources[] = {rig->source};
    struct adp_seal_options options = {.common = common, .sources = sources, .num_sources = 1};

    return adp_seal(rig->vault, &options, report, &rig->err);
}

static inline enum adp_status seal_rig_restore(struct seal_rig *rig, struct adp_options common,
                                               struct adp_report *report)
{
    struct adp_open_options options = {
        .common = common, .selection = {.snapshot = "latest"}, .target = rig->target};

    return adp_open(rig->vault, &options, report, &rig->err);
}

/* seal_rig_same returns whether source and target hold the same files. */
static inline int seal_rig_same(struct seal_rig *rig)
{
    char command[256];

    snprintf(command, sizeof(command), "diff -r %s %s/source", rig->source, rig->target);
    return system(command) == 0;
}

#endif
