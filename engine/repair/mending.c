#include "mending.h"

#include "fs.h"

void mending_failed(struct mending *run, const struct adp_error *why)
{
    if (run->num_failed++ == 0)
        run->first = *why;
    adp_tell_error(&run->tell, ADP_EVENT_REFUSED, why);
}

static void refuse(void *user, const char *id, const struct adp_error *why)
{
    (void)id;
    mending_failed(user, why);
}

enum adp_status mending_run(struct mending *run, const char *stage, const char *snapshot,
                            adp_record_fn on_record, struct adp_error *err)
{
    int lock = -1;
    enum adp_status status = adp_vault_lock_archives(run->vault, &lock, err);

    adp_tell_init(&run->tell, run->common, stage);
    if (status == ADP_OK)
        status = adp_vault_each_record(run->vault, snapshot, on_record, refuse, run, err);
    if (status == ADP_OK)
        adp_tell_end(&run->tell);
    adp_fs_close(lock);
    if (status != ADP_OK || run->num_failed == 0)
        return status;
    if (err != NULL)
        *err = run->first;
    return run->first.status;
}
