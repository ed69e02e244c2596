/* Whose vault is it? On first contact a person decides, as with the key of an ssh host. */
#ifndef TRUST_H
#define TRUST_H

#include "cli.h"

/* trust_confirm compares |vault|'s account with --account where that is given. Where there is
 * neither that nor a pin it asks on the terminal; ADP_ERR_UNTRUSTED if there is none, or the answer
 * is not yes. */
ADP_MUST_CHECK enum adp_status trust_confirm(const struct cli *cli, struct adp_vault *vault,
                                             struct adp_error *err);

#endif
