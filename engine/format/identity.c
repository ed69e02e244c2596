/* An identity in memory. */
#include "identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "secret.h"

struct adp_identity *adp_identity_new(const char *path)
{
    struct adp_identity *identity = calloc(1, sizeof(*identity));

    if (identity == NULL)
        return NULL;
    identity->path = path != NULL ? strdup(path) : NULL;
    identity->keys = adp_secret_new(sizeof(*identity->keys));
    if ((path != NULL && identity->path == NULL) || identity->keys == NULL) {
        adp_identity_free(identity);
        return NULL;
    }
    identity->keys->are_here = 1;
    return identity;
}

void adp_identity_free(struct adp_identity *identity)
{
    if (identity == NULL)
        return;
    adp_secret_free(identity->keys, sizeof(*identity->keys));
    free(identity->pins);
    free(identity->path);
    free(identity);
}

enum adp_status adp_identity_check_keys(const struct adp_identity *identity, struct adp_error *err)
{
    if (identity == NULL || identity->keys->are_here)
        return ADP_OK;
    adp_fail(
        err, ADP_ERR_NO_KEY, identity->path,
        "the identity's keys are not in this process, which was forked after they were loaded");
    return adp_error_hint(err, ADP_ERR_NO_KEY,
                          "load the identity and open the vault after the fork");
}

int adp_identity_has_kind(unsigned kind)
{
    return kind == ADP_KIND_DEVICE || kind == ADP_KIND_SEALER || kind == ADP_KIND_OPERATOR;
}

void adp_identity_derive(struct adp_identity *identity)
{
    adp_sign_public(identity->sign_pub, identity->keys->sign_seed);
    if (identity->kind != ADP_KIND_SEALER)
        adp_kem_public(identity->kem_pub, identity->keys->kem_private);
}

enum adp_kind adp_identity_kind(const struct adp_identity *identity)
{
    return identity->kind;
}

const char *adp_identity_name(const struct adp_identity *identity)
{
    return identity->name;
}

enum adp_status adp_identity_default_path(char **out_path, struct adp_error *err)
{
    const char *named = getenv("ADP_SEAL_IDENTITY");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    int len;

    /* A relative XDG_CONFIG_HOME is to be ignored: XDG Base Directory Specification. */
    if (named != NULL && named[0] != '\0')
        len = asprintf(&path, "%s", named);
    else if (config != NULL && config[0] == '/')
        len = asprintf(&path, "%s/adp-seal/identity", config);
    else if (home != NULL && home[0] != '\0')
        len = asprintf(&path, "%s/.config/adp-seal/identity", home);
    else
        return adp_error_hint(err,
                              adp_fail(err, ADP_ERR_ARGUMENT, NULL,
                                       "there is no home directory to look for an identity in"),
                              "name the identity file with --identity");
    if (len < 0)
        return adp_fail_memory(err);
    *out_path = path;
    return ADP_OK;
}

/* -- Pins -------------------------------------------------------------------------------------- */

/* The number of pins before |vault_id|'s place. */
static size_t identity_pin_place(const struct adp_identity *identity,
                                 const uint8_t vault_id[ADP_ID_LEN])
{
    size_t i = 0;

    while (i < identity->num_pins && memcmp(identity->pins[i].vault_id, vault_id, ADP_ID_LEN) < 0)
        i++;
    return i;
}

const struct adp_pin *adp_identity_pin(const struct adp_identity *identity,
                                       const uint8_t vault_id[ADP_ID_LEN])
{
    size_t place = identity_pin_place(identity, vault_id);

    if (place == identity->num_pins ||
        memcmp(identity->pins[place].vault_id, vault_id, ADP_ID_LEN) != 0)
        return NULL;
    return &identity->pins[place];
}

enum adp_status adp_identity_set_pin(struct adp_identity *identity, const struct adp_pin *pin,
                                     struct adp_error *err)
{
    size_t place = identity_pin_place(identity, pin->vault_id);
    struct adp_pin *pins = identity->pins;

    if (adp_identity_pin(identity, pin->vault_id) != NULL) {
        pins[place] = *pin;
        return ADP_OK;
    }
    if (identity->num_pins == ADP_IDENTITY_MAX_PINS)
        return adp_fail(err, ADP_ERR_UNSUPPORTED, identity->path,
                        "the identity knows %d vaults and can know no more", ADP_IDENTITY_MAX_PINS);
    pins = realloc(pins, (identity->num_pins + 1) * sizeof(*pins));
    if (pins == NULL)
        return adp_fail_memory(err);
    memmove(pins + place + 1, pins + place, (identity->num_pins - place) * sizeof(*pins));
    pins[place] = *pin;
    identity->pins = pins;
    identity->num_pins++;
    return ADP_OK;
}
