/* What the commands share: the state of a run, and the commands themselves. */
#ifndef CLI_H
#define CLI_H

#include "adpseal.h"
#include "options.h"
#include "out.h"
#include "progress.h"

struct cli {
    struct options options;
    struct out out;
    struct progress progress;
};

/* Each command runs to its end and prints its results; errors come back. */
typedef enum adp_status command_fn(struct cli *cli, struct adp_error *err);

command_fn cmd_init;
command_fn cmd_seal;
command_fn cmd_snapshots;
command_fn cmd_list;
command_fn cmd_open;
command_fn cmd_cat;
command_fn cmd_verify;
command_fn cmd_scrub;
command_fn cmd_parity_add;
command_fn cmd_repair;
command_fn cmd_device_request;
command_fn cmd_device_add;
command_fn cmd_device_remove;
command_fn cmd_device_list;
command_fn cmd_device_update;
command_fn cmd_status;
command_fn cmd_operator_keygen;
command_fn cmd_operator_set;
command_fn cmd_operator_release;
command_fn cmd_adp_on;
command_fn cmd_adp_off;
command_fn cmd_recovery_key;
command_fn cmd_recovery_contact_add;
command_fn cmd_recovery_contact_remove;
command_fn cmd_recovery_contact_list;
command_fn cmd_recovery_open;
command_fn cmd_rotate;
command_fn cmd_erase;
command_fn cmd_rewrap;
command_fn cmd_category_list;
command_fn cmd_category_explain;

#endif
