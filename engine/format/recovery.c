/* The keys that follow from a recovery secret. */
#include "recovery.h"

#include <stdio.h>

#include "error.h"
#include "secret.h"
#include "wrap.h"

#define KEM_LABEL  "adp-seal/1 recovery KEM key"
#define SIGN_LABEL "adp-seal/1 recovery signing key"

enum adp_status adp_recovery_identity(struct adp_identity **out,
                                      const struct adp_recovery_secret *secret, enum adp_kind kind,
                                      struct adp_error *err)
{
    struct adp_identity *identity = adp_identity_new(NULL);
    enum adp_status status;

    if (identity == NULL)
        return adp_fail_memory(err);
    identity->kind = kind;
    snprintf(identity->name, sizeof(identity->name), "%s", adp_kind_name(kind));
    status = adp_hkdf(identity->keys->kem_private, secret->symbols, sizeof(secret->symbols),
                      KEM_LABEL, err);
    if (status == ADP_OK)
        status = adp_hkdf(identity->keys->sign_seed, secret->symbols, sizeof(secret->symbols),
                          SIGN_LABEL, err);
    if (status != ADP_OK) {
        adp_identity_free(identity);
        return status;
    }
    adp_identity_derive(identity);
    *out = identity;
    return ADP_OK;
}

enum adp_status adp_identity_recover(struct adp_identity **out_identity, const char *code,
                                     const char *half, struct adp_error *err)
{
    struct adp_recovery_secret *secrets = adp_secret_new(2 * sizeof(*secrets));
    enum adp_kind kind = half != NULL ? ADP_KIND_RECOVERY_CONTACT : ADP_KIND_RECOVERY_KEY;
    enum adp_status status;

    if (secrets == NULL)
        return adp_fail_memory(err);
    status = adp_recovery_from_text(&secrets[0], code, err);
    if (status == ADP_OK && half != NULL) {
        status = adp_recovery_from_text(&secrets[1], half, err);
        adp_recovery_combine(&secrets[0], &secrets[0], &secrets[1]);
    }
    if (status == ADP_OK)
        status = adp_recovery_identity(out_identity, &secrets[0], kind, err);
    adp_secret_free(secrets, 2 * sizeof(*secrets));
    return status;
}
