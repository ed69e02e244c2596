/* The plan of a seal: what the sources hold, each entry with its category, in order of paths.
 *
 * The walk comes first and as a whole, so that totals are known before the first byte is read, and
 * each category can be sealed as one archive. An entry costs 24 bytes and its name: a million files
 * stay under 60 MiB. Sizes may be stale by the time an entry is read; whoever reads it looks again.
 */
#ifndef ADP_PLAN_H
#define ADP_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "adpseal.h"
#include "profile.h"
#include "report.h"

#define ADP_PLAN_NONE UINT32_MAX

enum adp_plan_flag {
    ADP_PLAN_LINK = 1,    /* another name of the file |first_name| */
    ADP_PLAN_ERROR = 2,   /* could not be looked at; |size| is the errno value */
    ADP_PLAN_FAILED = 4,  /* set while sealing: its content is not in the archive */
    ADP_PLAN_DERIVED = 8, /* can be made again; of a directory: all that lies in it */
    ADP_PLAN_LABEL = 16,
};

/* A file with one of these has no content of its own. */
#define ADP_PLAN_NO_CONTENT (ADP_PLAN_LINK | ADP_PLAN_ERROR | ADP_PLAN_FAILED)

struct adp_plan_node {
    uint32_t parent; /* ADP_PLAN_NONE for a source */
    uint32_t name;   /* offset in the names */
    uint64_t size;   /* of a file; of a directory: the set of categories below it, one bit each */
    uint32_t first_name; /* with ADP_PLAN_LINK: the node of the same file that comes first */
    uint8_t name_len;
    uint8_t type; /* S_IFMT bits >> 12 */
    uint8_t category;
    uint8_t flags;
};

struct adp_plan_source {
    const char *path; /* as the caller gave it */
    char *name;       /* first component in the snapshot */
    int dir;          /* descriptor: the source, or the folder that holds it if it is a file */
    int borrows_dir;  /* from another source in the same folder */
    char *file;       /* its name in |dir| if it is a file, else NULL */
};

/* A folder that a profile knows. */
struct adp_plan_root {
    const struct adp_profile *profile;
    uint32_t node;
    uint64_t files, bytes; /* below it, what is left out included */
};

struct adp_plan {
    struct adp_plan_source *sources; /* in order of names */
    size_t num_sources;
    struct adp_plan_node *nodes;
    uint32_t num_nodes, cap_nodes;
    char *names;
    size_t names_len, names_cap;
    uint64_t bytes[ADP_NUM_CATEGORIES + 1]; /* content to read; [0] is the sum */
    uint64_t entries[ADP_NUM_CATEGORIES + 1];
    struct adp_plan_root *roots; /* in order of paths */
    size_t num_roots, cap_roots;
    int skip_derived;
    uint64_t skipped_files, skipped_bytes; /* derived ones that were left out */
    struct adp_plan_link *links;           /* while it is being made */
    size_t num_links, cap_links;
};

/* adp_plan_check returns whether |options| are valid in themselves. */
enum adp_status adp_plan_check(const struct adp_seal_options *options, struct adp_error *err);

/* adp_plan_make walks the sources (plan_walk.c). |vault_stat| is the vault's own directory, which
 * is left out; NULL: there is none. ADP_ERR_NOT_FOUND if a source does not exist, ADP_ERR_ARGUMENT
 * if two would get the same name. The caller must call adp_plan_free, also after a failure. */
enum adp_status adp_plan_make(struct adp_plan *out, const struct adp_seal_options *options,
                              const struct stat *vault_stat, struct adp_tell *tell,
                              struct adp_error *err);
void adp_plan_free(struct adp_plan *plan);

/* adp_plan_sources opens and names the sources: the first step of adp_plan_make (plan_sources.c).
 */
enum adp_status adp_plan_sources(struct adp_plan *plan, const struct adp_seal_options *options,
                                 struct adp_error *err);
void adp_plan_sources_free(struct adp_plan *plan);

/* -- What the walk puts into a plan. The first three return 0 or -ENOMEM. */

/* adp_plan_add adds an entry, with |label| unless it is NULL, after its directory's. */
int adp_plan_add(struct adp_plan *plan, const struct adp_plan_node *node, const char *name,
                 size_t name_len, const char *label);

/* adp_plan_add_link notes that the file of |node| has other names. */
int adp_plan_add_link(struct adp_plan *plan, const struct stat *st, uint32_t node);
int adp_plan_add_root(struct adp_plan *plan, const struct adp_plan_root *root);

/* adp_plan_finish groups links, and sums up, once everything is there. */
void adp_plan_finish(struct adp_plan *plan);

/* -- What it says. */

/* adp_plan_has_content returns whether |node| is a file whose content is to be sealed under its
 * name. */
int adp_plan_has_content(const struct adp_plan_node *node);

/* adp_plan_label returns the label of node |index|, or NULL. */
const char *adp_plan_label(const struct adp_plan *plan, uint32_t index);

/* adp_plan_has returns whether node |index| belongs into the archive of |category|: it is of that
 * category, or a directory above such an entry. */
int adp_plan_has(const struct adp_plan *plan, uint32_t index, unsigned category);

/* adp_plan_source_of returns the source that node |index| lies in. */
const struct adp_plan_source *adp_plan_source_of(const struct adp_plan *plan, uint32_t index);

/* adp_plan_path writes the node's path in the snapshot, zero-terminated, and returns its length;
 * |*out_below| points at the part below the source ("" for the source itself). -1 if it does not
 * fit into |out_len|. */
long adp_plan_path(const struct adp_plan *plan, uint32_t index, char *out, size_t out_len,
                   const char **out_below);

#endif
