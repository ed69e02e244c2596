#include "attest.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static void flush(struct adp_attest *attest)
{
    if (attest->error == 0)
        attest->error =
            adp_fs_write_all(attest->temp.fd, attest->buffer, attest->used, attest->written);
    attest->written += attest->used;
    attest->used = 0;
}

static void append(struct adp_attest *attest, const void *data, size_t len)
{
    if (len > sizeof(attest->buffer) - attest->used)
        flush(attest);
    memcpy(attest->buffer + attest->used, data, len);
    attest->used += len;
}

enum adp_status adp_attest_new(struct adp_attest **out, const struct adp_vault *vault, int dir,
                               const char *id, struct adp_error *err)
{
    struct adp_attest *attest = calloc(1, sizeof(*attest));
    uint8_t start[ADP_ATTESTATION_START_LEN];
    enum adp_status status;
    int rc;

    *out = NULL;
    if (attest == NULL)
        return adp_fail_memory(err);
    adp_vault_path(attest->path, vault, "archives/%s/" ADP_ATTESTATION_NAME, id);
    rc = adp_fs_temp_create(&attest->temp, dir, ADP_ATTESTATION_NAME, 0600, 0, NULL);
    if (rc < 0) {
        status = adp_fail_errno(err, -rc, attest->path, "cannot create the attestation");
        free(attest);
        return status;
    }
    adp_attestation_start(start, vault->keybag.vault_id, id);
    append(attest, start, sizeof(start));
    *out = attest;
    return ADP_OK;
}

void adp_attest_begin(struct adp_attest *attest, const struct adp_header *header)
{
    uint8_t start[ADP_ATTESTED_START_LEN];
    struct adp_attested attested;

    adp_attested_init(&attested, header);
    adp_attested_build(start, &attested);
    SHA256_Init(&attest->part);
    SHA256_Update(&attest->part, start, sizeof(start));
    append(attest, start, sizeof(start));
}

void adp_attest_add(struct adp_attest *attest, const uint8_t digest[ADP_HASH_LEN])
{
    SHA256_Update(&attest->part, digest, ADP_HASH_LEN);
    append(attest, digest, ADP_HASH_LEN);
}

void adp_attest_end(struct adp_attest *attest, uint8_t out_digest[ADP_HASH_LEN])
{
    SHA256_Final(out_digest, &attest->part);
}

enum adp_status adp_attest_finish(struct adp_attest *attest, struct adp_error *err)
{
    enum adp_status status = ADP_OK;
    int rc;

    flush(attest);
    rc = attest->error;
    if (rc == 0)
        rc = adp_fs_temp_commit(&attest->temp, ADP_ATTESTATION_NAME, attest->written,
                                ADP_FS_PUBLISH_NEW);
    if (rc < 0)
        status = adp_fail_errno(err, -rc, attest->path, "cannot write the attestation");
    adp_attest_free(attest);
    return status;
}

void adp_attest_free(struct adp_attest *attest)
{
    if (attest == NULL)
        return;
    adp_fs_temp_abandon(&attest->temp);
    free(attest);
}
