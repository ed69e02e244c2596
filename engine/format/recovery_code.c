/* A recovery secret as text. Its 28 characters are a word of a Reed-Solomon code over GF(32): two
 * of them check the others, so that one wrong character can be named, and two that were exchanged
 * as well, for they leave the first sum as it is. */
#include <string.h>

#include "error.h"
#include "recovery.h"
#include "secret.h"
#include "wrap.h"

#define GROUP_LEN 4
#define FIELD     32
#define MODULUS   0x25 /* x^5 + x^2 + 1; its root x generates the field's 31 powers */

static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/* The product in GF(32), without tables: it is about secrets. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;

    for (unsigned i = 0; i < 5; i++)
        product ^= (unsigned)(a << i) & -(unsigned)(b >> i & 1);
    for (unsigned i = 9; i > 4; i--)
        product ^= (unsigned)(MODULUS << (i - 5)) & -(product >> i & 1);
    return (uint8_t)product;
}

/* x to the power of |n|. */
static uint8_t power(unsigned n)
{
    uint8_t value = 1;

    while (n-- > 0)
        value = multiply(value, 2);
    return value;
}

/* By Fermat: a^30 is 1 / a. */
static uint8_t invert(uint8_t a)
{
    uint8_t value = 1;

    for (unsigned i = 0; i < FIELD - 2; i++)
        value = multiply(value, a);
    return value;
}

/* The two sums that are zero for a code: of the characters, and of each times x to its place. */
static void sums(const uint8_t *word, size_t len, uint8_t *out_sum, uint8_t *out_weighted)
{
    *out_sum = *out_weighted = 0;
    for (size_t i = 0; i < len; i++) {
        *out_sum ^= word[i];
        *out_weighted ^= multiply(word[i], power((unsigned)i));
    }
}

void adp_recovery_draw(struct adp_recovery_secret *out)
{
    adp_random(out->symbols, sizeof(out->symbols));
    for (size_t i = 0; i < sizeof(out->symbols); i++)
        out->symbols[i] &= FIELD - 1;
}

void adp_recovery_combine(struct adp_recovery_secret *out, const struct adp_recovery_secret *a,
                          const struct adp_recovery_secret *b)
{
    for (size_t i = 0; i < sizeof(out->symbols); i++)
        out->symbols[i] = a->symbols[i] ^ b->symbols[i];
}

void adp_recovery_pack(uint8_t out[ADP_SECRET_LEN], const struct adp_recovery_secret *secret)
{
    memset(out, 0, ADP_SECRET_LEN);
    memcpy(out, secret->symbols, sizeof(secret->symbols));
}

int adp_recovery_unpack(struct adp_recovery_secret *out, const uint8_t bytes[ADP_SECRET_LEN])
{
    uint8_t excess = 0;

    for (size_t i = 0; i < ADP_SECRET_LEN; i++)
        excess |= i < ADP_RECOVERY_NUM_DATA ? bytes[i] & ~(FIELD - 1) : bytes[i];
    memcpy(out->symbols, bytes, sizeof(out->symbols));
    return excess == 0;
}

void adp_recovery_to_text(char out[ADP_RECOVERY_CODE_LEN], const struct adp_recovery_secret *secret)
{
    uint8_t word[ADP_RECOVERY_NUM_CHARS] = {0}, sum, weighted, a, b;
    size_t at = 0;

    memcpy(word, secret->symbols, sizeof(secret->symbols));
    sums(word, ADP_RECOVERY_NUM_DATA, &sum, &weighted);
    /* The last two, u and v, solve u + v = sum, u a + v b = weighted. */
    a = power(ADP_RECOVERY_NUM_DATA);
    b = power(ADP_RECOVERY_NUM_DATA + 1);
    word[ADP_RECOVERY_NUM_DATA + 1] =
        multiply(weighted ^ multiply(sum, a), invert((uint8_t)(a ^ b)));
    word[ADP_RECOVERY_NUM_DATA] = sum ^ word[ADP_RECOVERY_NUM_DATA + 1];
    for (size_t i = 0; i < ADP_RECOVERY_NUM_CHARS; i++) {
        if (i > 0 && i % GROUP_LEN == 0)
            out[at++] = '-';
        out[at++] = alphabet[word[i]];
    }
    out[at] = '\0';
    adp_wipe(word, sizeof(word));
}

/* -- Reading ----------------------------------------------------------------------------------- */

static enum adp_status refuse(struct adp_error *err, const char *message)
{
    adp_fail(err, ADP_ERR_PASSPHRASE, NULL, "this is not a recovery code: %s", message);
    return adp_error_hint(err, ADP_ERR_PASSPHRASE,
                          "it has 28 characters in seven groups of four: compare it with what was "
                          "written down, character by character");
}

/* One character that is wrong, at the place where its error weighs what the sums say. Places are
 * named, characters are not: messages end up in logs. */
static enum adp_status refuse_one(struct adp_error *err, uint8_t sum, uint8_t weighted)
{
    for (unsigned i = 0; i < ADP_RECOVERY_NUM_CHARS; i++) {
        if (multiply(sum, power(i)) != weighted)
            continue;
        adp_fail(err, ADP_ERR_PASSPHRASE, NULL,
                 "the recovery code is not right: if one character is wrong, it is that in group "
                 "%u, place %u",
                 i / GROUP_LEN + 1, i % GROUP_LEN + 1);
        return adp_error_hint(err, ADP_ERR_PASSPHRASE,
                              "compare that character with what was written down");
    }
    return refuse(err, "several characters are wrong");
}

/* Two that stand in each other's place: neighbours can be named. */
static enum adp_status refuse_exchanged(struct adp_error *err, const uint8_t *word,
                                        uint8_t weighted)
{
    for (unsigned i = 0; i + 1 < ADP_RECOVERY_NUM_CHARS; i++) {
        uint8_t apart = power(i) ^ power(i + 1);

        if (multiply(word[i] ^ word[i + 1], apart) != weighted)
            continue;
        adp_fail(err, ADP_ERR_PASSPHRASE, NULL,
                 "the recovery code is not right: the character in group %u, place %u, and the one "
                 "after it seem to be exchanged",
                 i / GROUP_LEN + 1, i % GROUP_LEN + 1);
        return adp_error_hint(err, ADP_ERR_PASSPHRASE, "compare them with what was written down");
    }
    return refuse(err, "two characters that are no neighbours seem to be exchanged");
}

static enum adp_status read_character(uint8_t *word, size_t *len, char c, struct adp_error *err)
{
    int upper = c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
    const char *found = strchr(alphabet, upper);

    if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return ADP_OK;
    if (*len == ADP_RECOVERY_NUM_CHARS)
        return refuse(err, "it has more than 28 characters");
    if (found != NULL) {
        word[(*len)++] = (uint8_t)(found - alphabet);
        return ADP_OK;
    }
    adp_fail(err, ADP_ERR_PASSPHRASE, NULL, "a recovery code has no %s, as in group %zu, place %zu",
             strchr("01OI", upper) != NULL ? "0, 1, O or I" : "such character",
             *len / GROUP_LEN + 1, *len % GROUP_LEN + 1);
    return adp_error_hint(err, ADP_ERR_PASSPHRASE, "its characters are %s", alphabet);
}

enum adp_status adp_recovery_from_text(struct adp_recovery_secret *out, const char *text,
                                       struct adp_error *err)
{
    uint8_t word[ADP_RECOVERY_NUM_CHARS], sum, weighted;
    enum adp_status status = ADP_OK;
    size_t len = 0;

    for (; status == ADP_OK && *text != '\0'; text++)
        status = read_character(word, &len, *text, err);
    if (status == ADP_OK && len < ADP_RECOVERY_NUM_CHARS)
        status = refuse(err, "it has fewer than 28 characters");
    if (status == ADP_OK) {
        sums(word, ADP_RECOVERY_NUM_CHARS, &sum, &weighted);
        if (sum != 0)
            status = refuse_one(err, sum, weighted);
        else if (weighted != 0)
            status = refuse_exchanged(err, word, weighted);
        else
            memcpy(out->symbols, word, sizeof(out->symbols));
    }
    adp_wipe(word, sizeof(word));
    return status;
}
