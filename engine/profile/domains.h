/* What the domains and paths of a device are: rules for names as adp_manifest_find gives them,
 * "HomeDomain/Library/SMS/sms.db". The last rule matches everything. */
#ifndef ADP_DOMAINS_H
#define ADP_DOMAINS_H

#include <stddef.h>

#include "rules.h"

extern const struct adp_rule_group adp_domain_groups[];
extern const size_t adp_domain_num_groups;

#endif
