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

/* Each command runs to its end and prints its results; errors come back. Of most the first word is
 * a vault, which is open when they begin. */
typedef enum adp_status command_fn(struct cli *cli, struct adp_error *err);
typedef enum adp_status vault_command_fn(struct cli *cli, struct adp_vault *vault,
                                         struct adp_error *err);

command_fn cmd_init;
command_fn cmd_seal;
vault_command_fn cmd_snapshots;
vault_command_fn cmd_list;
command_fn cmd_open;
vault_command_fn cmd_cat;
vault_command_fn cmd_verify;
vault_command_fn cmd_scrub;
command_fn cmd_parity_add;
vault_command_fn cmd_repair;
command_fn cmd_device_request;
command_fn cmd_device_add;
vault_command_fn cmd_device_remove;
vault_command_fn cmd_device_list;
vault_command_fn cmd_device_update;
vault_command_fn cmd_status;
command_fn cmd_operator_keygen;
command_fn cmd_operator_set;
vault_command_fn cmd_operator_release;
vault_command_fn cmd_adp_on;
vault_command_fn cmd_adp_off;
vault_command_fn cmd_recovery_key;
vault_command_fn cmd_recovery_contact_add;
vault_command_fn cmd_recovery_contact_remove;
vault_command_fn cmd_recovery_contact_list;
command_fn cmd_recovery_open;
vault_command_fn cmd_rotate;
vault_command_fn cmd_erase;
vault_command_fn cmd_rewrap;
command_fn cmd_category_list;
command_fn cmd_category_explain;

#endif
