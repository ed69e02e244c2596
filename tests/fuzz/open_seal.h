/* From a plan to a vault on the disk that somebody with valid keys has sealed. */
#ifndef ADP_OPEN_SEAL_H
#define ADP_OPEN_SEAL_H

#include "open_plan.h"
#include "record.h"
#include "vault.h"

/* Of the snapshot that every plan becomes. */
#define SEAL_ID         "20221207T120000Z-0123abcd"
#define SEAL_STARTED_NS (INT64_C(1670414400) * 1000000000)

/* struct sealed is what a plan has become. */
struct sealed {
    struct adp_record record;
    int is_wrong;   /* something in it does not belong together, or was changed afterwards */
    int is_changed; /* of which this is true of what only checksums and signatures protect */
};

/* seal_categories are those of the archives. */
extern const uint16_t seal_categories[PLAN_NUM_ARCHIVES];

/* seal_folder makes what is the same for each plan, below the vault's |dir|. */
void seal_folder(const char *dir);

/* seal_plan writes archives, attestation and record into |dir|, whose vault is |vault|. Returns 0
 * if the plan's record is none that could be signed. */
int seal_plan(struct sealed *out, const struct plan *plan, const struct adp_vault *vault,
              const char *dir);

#endif
