#include "text.h"

#include <stdint.h>

/* struct adp_utf8_lead is one row of table 3-7 of the Unicode standard: a range of first bytes,
 * how many follow, and the range of the second. The others are 0x80 to 0xbf. */
struct adp_utf8_lead {
    uint8_t first_min, first_max;
    uint8_t num_more;
    uint8_t second_min, second_max;
};

static const struct adp_utf8_lead adp_utf8_leads[] = {
    {0x20, 0x7e, 0, 0x80, 0xbf}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct adp_utf8_lead *adp_utf8_lead_of(uint8_t byte)
{
    for (size_t i = 0; i < sizeof(adp_utf8_leads) / sizeof(adp_utf8_leads[0]); i++) {
        if (byte >= adp_utf8_leads[i].first_min && byte <= adp_utf8_leads[i].first_max)
            return &adp_utf8_leads[i];
    }
    return NULL;
}

int adp_text_check(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;

    for (size_t pos = 0; pos < len;) {
        const struct adp_utf8_lead *lead = adp_utf8_lead_of(bytes[pos]);

        if (lead == NULL || len - pos <= lead->num_more)
            return 0;
        for (size_t i = 1; i <= lead->num_more; i++) {
            uint8_t min = i == 1 ? lead->second_min : 0x80;
            uint8_t max = i == 1 ? lead->second_max : 0xbf;

            if (bytes[pos + i] < min || bytes[pos + i] > max)
                return 0;
        }
        pos += 1 + (size_t)lead->num_more;
    }
    return 1;
}
