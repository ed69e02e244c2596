/* A keybag for tests: three devices, a sealer, an operator, a recovery contact; two epochs in one
 * category. */
#ifndef ADP_KEYBAG_TEST_H
#define ADP_KEYBAG_TEST_H

#include "engine_test.h"
#include "keybag.h"

enum {
    KT_LAPTOP,
    KT_SERVER,
    KT_OPERATOR,
    KT_OLD_PHONE,
    KT_PHONE,
    KT_CONTACT,
    KT_NUM_RECIPIENTS,
};

struct kt_keybag {
    uint8_t seed[ADP_SIGN_SEED_LEN]; /* the account's */
    uint8_t author_seed[ADP_SIGN_SEED_LEN];
    struct adp_keybag keybag;
    struct adp_recipient recipients[KT_NUM_RECIPIENTS];
    struct adp_epoch epochs[ADP_NUM_CATEGORIES][2];
    struct adp_epoch_wrap wraps[ADP_NUM_CATEGORIES][2][KT_NUM_RECIPIENTS];
};

static inline void kt_recipient(struct adp_recipient *out, uint8_t kind, const char *name,
                                unsigned number)
{
    out->kind = kind;
    out->state = ADP_RECIPIENT_ACTIVE;
    snprintf(out->name, sizeof(out->name), "%s", name);
    if (kind != ADP_RECIPIENT_SEALER)
        et_fill(out->kem_pub, sizeof(out->kem_pub), 10 + number);
    et_fill(out->sign_pub, sizeof(out->sign_pub), 20 + number);
    out->added_ns = 1000 + number;
    out->level = 2;
    if (kind == ADP_RECIPIENT_DEVICE) {
        out->has_account = 1;
        et_fill(out->account.sealed.enc, sizeof(out->account.sealed.enc), 30 + number);
        et_fill(out->account.sealed.ct, sizeof(out->account.sealed.ct), 40 + number);
    }
}

static inline void kt_epoch(struct kt_keybag *kt, unsigned category, unsigned number)
{
    struct adp_epoch *epoch = &kt->epochs[category][number];

    epoch->number = number + 1;
    epoch->created_ns = -7;
    et_fill(epoch->pub, sizeof(epoch->pub), category + number);
    epoch->wraps = kt->wraps[category][number];
    for (uint16_t i = 0; i < KT_NUM_RECIPIENTS; i++) {
        struct adp_epoch_wrap *wrap = &epoch->wraps[epoch->num_wraps];

        if (kt->recipients[i].kind == ADP_RECIPIENT_SEALER)
            continue;
        wrap->recipient = i;
        et_fill(wrap->wrap.sealed.enc, sizeof(wrap->wrap.sealed.enc), category + i);
        et_fill(wrap->wrap.sealed.ct, sizeof(wrap->wrap.sealed.ct), category + i + 1);
        epoch->num_wraps++;
    }
}

/* kt_init fills |kt|, which refers to itself: it must not be copied. */
static inline void kt_init(struct kt_keybag *kt)
{
    struct adp_keybag *keybag = &kt->keybag;

    memset(kt, 0, sizeof(*kt));
    kt->seed[0] = 5;
    kt->author_seed[0] = 6;
    keybag->version = ADP_KEYBAG_VERSION;
    keybag->generation = 2;
    keybag->created_ns = INT64_C(1670414400000000000);
    keybag->protection = ADP_PROTECTION_ADVANCED;
    keybag->author = KT_LAPTOP;
    snprintf(keybag->reason, sizeof(keybag->reason), "add phone");
    et_fill(keybag->vault_id, sizeof(keybag->vault_id), 1);
    et_fill(keybag->previous, sizeof(keybag->previous), 2);
    adp_sign_public(keybag->account_pub, kt->seed);
    keybag->recipients = kt->recipients;
    keybag->num_recipients = KT_NUM_RECIPIENTS;
    kt_recipient(&kt->recipients[KT_LAPTOP], ADP_RECIPIENT_DEVICE, "laptop", 0);
    adp_sign_public(kt->recipients[KT_LAPTOP].sign_pub, kt->author_seed);
    kt_recipient(&kt->recipients[KT_SERVER], ADP_RECIPIENT_SEALER, "server", 1);
    kt_recipient(&kt->recipients[KT_OPERATOR], ADP_RECIPIENT_OPERATOR, "operator", 2);
    kt_recipient(&kt->recipients[KT_OLD_PHONE], ADP_RECIPIENT_DEVICE, "phone", 3);
    kt->recipients[KT_OLD_PHONE].state = ADP_RECIPIENT_REMOVED;
    kt->recipients[KT_OLD_PHONE].removed_ns = 2000;
    kt->recipients[KT_OLD_PHONE].has_account = 0;
    kt_recipient(&kt->recipients[KT_PHONE], ADP_RECIPIENT_DEVICE, "phone", 4); /* free again */
    kt_recipient(&kt->recipients[KT_CONTACT], ADP_RECIPIENT_CONTACT, "friend", 5);
    kt->recipients[KT_CONTACT].has_half = 1;
    et_fill(kt->recipients[KT_CONTACT].half.sealed.enc, ADP_KEM_KEY_LEN, 6);
    et_fill(kt->recipients[KT_CONTACT].half.sealed.ct, ADP_WRAP_CT_LEN, 7);
    for (unsigned i = 0; i < ADP_NUM_CATEGORIES; i++) {
        keybag->categories[i].epochs = kt->epochs[i];
        keybag->categories[i].num_epochs = i == 16 ? 2 : 1;
        for (unsigned j = 0; j < keybag->categories[i].num_epochs; j++)
            kt_epoch(kt, i, j);
    }
}

#endif
