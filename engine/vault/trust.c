/* Whose vault is it? What the identity has pinned, and how a vault gets pinned. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "fs.h"
#include "vault.h"

static void account_hash(uint8_t out[ADP_HASH_LEN], const struct adp_keybag *keybag)
{
    adp_sha256(out, keybag->account_pub, ADP_SIGN_PUB_LEN);
}

void adp_vault_fingerprint(const struct adp_vault *vault, char out[ADP_FINGERPRINT_LEN])
{
    uint8_t hash[ADP_HASH_LEN];
    size_t pos = 0;

    account_hash(hash, &vault->keybag);
    for (size_t i = 0; i < ADP_HASH_LEN; i++) {
        if (i > 0 && i % 4 == 0)
            out[pos++] = ' ';
        snprintf(out + pos, 3, "%02x", hash[i]);
        pos += 2;
    }
}

static int parse_fingerprint(uint8_t out[ADP_HASH_LEN], const char *text)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    size_t num = 0;

    for (; *text != '\0'; text++) {
        const char *digit = strchr(digits, *text);
        ptrdiff_t value;

        if (*text == ' ')
            continue;
        if (digit == NULL || num == 2 * ADP_HASH_LEN)
            return 0;
        value = digit - digits;
        value -= value > 15 ? 6 : 0;
        out[num / 2] = (uint8_t)(num % 2 == 0 ? value << 4 : out[num / 2] | value);
        num++;
    }
    return num == 2 * ADP_HASH_LEN;
}

/* Whoever made the keybag may have been interrupted before it was synced. Were it lost now, what is
 * left would be taken for a rollback, and what was sealed under it would have no key. */
static enum adp_status sync_keybag(const struct adp_vault *vault, struct adp_error *err)
{
    int rc = vault->keybag_dir < 0 ? 0 : adp_fs_sync_dir(vault->keybag_dir);

    if (rc == 0)
        rc = adp_fs_sync_dir(vault->snapshots_dir);
    return rc == 0 ? ADP_OK : adp_fail_errno(err, -rc, vault->path, "cannot sync the keybag");
}

struct adp_pin adp_vault_make_pin(const struct adp_keybag *keybag)
{
    struct adp_pin pin = {.generation = keybag->generation, .has_hash = 1};

    memcpy(pin.vault_id, keybag->vault_id, ADP_ID_LEN);
    account_hash(pin.account_hash, keybag);
    memcpy(pin.keybag_hash, keybag->hash, ADP_HASH_LEN);
    return pin;
}

enum adp_status adp_vault_pin(const struct adp_vault *vault, const struct adp_keybag *keybag,
                              struct adp_error *err)
{
    const struct adp_pin pin = adp_vault_make_pin(keybag);
    enum adp_status status = sync_keybag(vault, err);

    if (status == ADP_OK)
        status = adp_identity_set_pin(vault->identity, &pin, err);
    return status == ADP_OK ? adp_identity_store(vault->identity, err) : status;
}

int adp_vault_first_contact(const struct adp_vault *vault)
{
    return vault->first_contact;
}

enum adp_status adp_vault_check_trusted(const struct adp_vault *vault, struct adp_error *err)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    if (!vault->first_contact)
        return ADP_OK;
    adp_vault_fingerprint(vault, fingerprint);
    adp_fail(err, ADP_ERR_UNTRUSTED, vault->path,
             "the identity \"%s\" does not know the account of this vault yet",
             vault->identity->name);
    return adp_error_hint(err, ADP_ERR_UNTRUSTED,
                          "if you have used this vault from here before, somebody has replaced its "
                          "keybag; else, if a trusted device shows the same account (adp-seal "
                          "device list), confirm it once: --account \"%s\"",
                          fingerprint);
}

static enum adp_status trust_present(struct adp_vault *vault, struct adp_error *err)
{
    enum adp_status status;

    if (!vault->first_contact)
        return ADP_OK;
    status = adp_vault_pin(vault, &vault->keybag, err);
    vault->first_contact = status != ADP_OK;
    return status;
}

enum adp_status adp_vault_trust_account(struct adp_vault *vault, const uint8_t hash[ADP_HASH_LEN],
                                        struct adp_error *err)
{
    uint8_t present[ADP_HASH_LEN];
    char fingerprint[ADP_FINGERPRINT_LEN];

    account_hash(present, &vault->keybag);
    if (memcmp(present, hash, ADP_HASH_LEN) == 0)
        return trust_present(vault, err);
    adp_vault_fingerprint(vault, fingerprint);
    adp_fail(err, ADP_ERR_ACCOUNT, vault->path,
             "the vault's account is not the one that was expected, but %s", fingerprint);
    return adp_error_hint(err, ADP_ERR_ACCOUNT,
                          "this is another vault than you meant, or a device was removed since, "
                          "which renews the account, or somebody has replaced the keybag: do not "
                          "use it before a trusted device shows the same account");
}

enum adp_status adp_vault_trust(struct adp_vault *vault, const char *fingerprint,
                                struct adp_error *err)
{
    uint8_t hash[ADP_HASH_LEN];

    if (fingerprint == NULL)
        return trust_present(vault, err);
    if (parse_fingerprint(hash, fingerprint))
        return adp_vault_trust_account(vault, hash, err);
    adp_fail(err, ADP_ERR_ARGUMENT, NULL, "\"%s\" is no account's fingerprint", fingerprint);
    return adp_error_hint(err, ADP_ERR_ARGUMENT,
                          "it is the 64 hex digits that adp-seal device list shows on a trusted "
                          "device");
}
