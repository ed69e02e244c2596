/* What long work did, category by category. */
#ifndef REPORT_H
#define REPORT_H

#include "cli.h"

/* report_clock returns seconds, for differences. */
double report_clock(void);

/* report_print prints |report| as a table or adds it to the JSON object; |seconds| is how long it
 * took. */
void report_print(struct cli *cli, const struct adp_report *report, double seconds);

/* report_print_plan does so for a dry run. */
void report_print_plan(struct cli *cli, const struct adp_seal_plan *plan);

/* report_stages_json returns the stages as a JSON object; report_print_stages prints them as a
 * table if --stats asks for it. */
json_t *report_stages_json(const struct adp_report *report);
void report_print_stages(const struct cli *cli, const struct adp_report *report);

#endif
