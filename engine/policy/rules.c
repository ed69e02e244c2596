#include "rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "glob.h"

enum key_kind {
    KEY_NONE, /* nothing in the last component is fixed */
    KEY_NAME, /* all of it is: "chat.db" */
    KEY_TAIL, /* what follows the last dot is: "*.jpg", "IMG_*.jpg" */
};

struct adp_rule_key {
    enum key_kind kind;
    const char *text; /* points into the pattern or path */
    size_t len;
    int is_exact; /* the key says all that the pattern says, but for a slash at its end */
    int dirs_only;
    size_t rule;
};

int adp_rules_add(struct adp_rules *rules, const char *pattern, const struct adp_rule *rule)
{
    char *copy;

    if (rules->num == rules->cap) {
        size_t cap = rules->cap != 0 ? 2 * rules->cap : 256;
        struct adp_rule *items = reallocarray(rules->items, cap, sizeof(*items));

        if (items == NULL)
            return -ENOMEM;
        rules->items = items;
        rules->cap = cap;
    }
    copy = strdup(pattern);
    if (copy == NULL)
        return -ENOMEM;
    rules->items[rules->num] = *rule;
    rules->items[rules->num++].pattern = copy;
    return 0;
}

int adp_rules_add_groups(struct adp_rules *rules, const struct adp_rule_group *groups,
                         size_t num_groups, const char *origin)
{
    struct adp_rule rule = {.origin = origin};

    for (const struct adp_rule_group *group = groups; group < groups + num_groups; group++) {
        rule.category = group->category;
        rule.is_derived = group->is_derived;
        for (const char *const *pattern = group->patterns; *pattern != NULL; pattern++) {
            rule.line++;
            if (adp_rules_add(rules, *pattern, &rule) != 0)
                return -ENOMEM;
        }
    }
    return 0;
}

void adp_rules_free(struct adp_rules *rules)
{
    for (size_t i = 0; i < rules->num; i++)
        free(rules->items[i].pattern);
    free(rules->items);
    free(rules->keys);
    free(rules->rest);
    *rules = (struct adp_rules){0};
}

/* has_special is true of brackets that close as well: a dot may be a member of a set. */
static int has_special(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[]\\", text[i]) != NULL)
            return 1;
    }
    return 0;
}

static struct adp_rule_key key_of(const char *pattern)
{
    struct adp_rule_key key = {.kind = KEY_NONE};
    const char *end = pattern + strlen(pattern);
    const char *slash, *name, *dot;

    key.dirs_only = end[-1] == '/';
    end -= key.dirs_only;
    slash = memrchr(pattern, '/', (size_t)(end - pattern));
    name = slash != NULL ? slash + 1 : pattern;
    dot = memrchr(name, '.', (size_t)(end - name));
    if (!has_special(name, (size_t)(end - name))) {
        key.kind = KEY_NAME;
        key.text = name;
        key.is_exact = slash == NULL;
    } else if (dot != NULL && !has_special(dot, (size_t)(end - dot))) {
        key.kind = KEY_TAIL;
        key.text = dot + 1;
        key.is_exact = slash == NULL && dot == name + 1 && *name == '*';
    }
    key.len = key.kind != KEY_NONE ? (size_t)(end - key.text) : 0;
    return key;
}

static int compare_text(const struct adp_rule_key *a, const struct adp_rule_key *b)
{
    size_t min = a->len < b->len ? a->len : b->len;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    for (size_t i = 0; i < min; i++) {
        int difference = adp_glob_fold(a->text[i]) - adp_glob_fold(b->text[i]);

        if (difference != 0)
            return difference;
    }
    return (a->len > b->len) - (a->len < b->len);
}

static int compare_keys(const void *left, const void *right)
{
    const struct adp_rule_key *a = left, *b = right;
    int order = compare_text(a, b);

    return order != 0 ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

const char *adp_rules_pattern_in(const struct adp_rule_group *groups, unsigned line)
{
    for (const struct adp_rule_group *group = groups;; group++) {
        for (const char *const *pattern = group->patterns; *pattern != NULL; pattern++) {
            if (--line == 0)
                return *pattern;
        }
    }
}

int adp_rules_index(struct adp_rules *rules)
{
    rules->keys = calloc(rules->num + 1, sizeof(*rules->keys));
    rules->rest = calloc(rules->num + 1, sizeof(*rules->rest));
    if (rules->keys == NULL || rules->rest == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < rules->num; i++) {
        struct adp_rule_key key = key_of(rules->items[i].pattern);

        key.rule = i;
        if (key.kind == KEY_NONE)
            rules->rest[rules->num_rest++] = i;
        else
            rules->keys[rules->num_keys++] = key;
    }
    qsort(rules->keys, rules->num_keys, sizeof(*rules->keys), compare_keys);
    return 0;
}

/* first_key returns the place of the first key that is not below |wanted|. */
static size_t first_key(const struct adp_rules *rules, const struct adp_rule_key *wanted)
{
    size_t low = 0, high = rules->num_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_text(&rules->keys[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A path up to and with one of its components, which begins at |name|. */
struct prefix {
    const char *path;
    const char *name;
    size_t len;
    int is_dir;
};

static int prefix_matches(const struct prefix *prefix, const char *pattern)
{
    return adp_glob_match(pattern, prefix->path, prefix->len, prefix->is_dir);
}

/* match_keyed and match_rest return the first rule below |best| that matches, or |best|. */
static size_t match_keyed(const struct adp_rules *rules, const struct prefix *prefix,
                          enum key_kind kind, const char *text, size_t best)
{
    const char *end = prefix->path + prefix->len;
    struct adp_rule_key wanted = {.kind = kind, .text = text, .len = (size_t)(end - text)};

    for (size_t i = first_key(rules, &wanted); i < rules->num_keys; i++) {
        const struct adp_rule_key *key = &rules->keys[i];

        if (key->rule >= best || compare_text(key, &wanted) != 0)
            break;
        if (key->is_exact ? !key->dirs_only || prefix->is_dir
                          : prefix_matches(prefix, rules->items[key->rule].pattern))
            return key->rule;
    }
    return best;
}

static size_t match_rest(const struct adp_rules *rules, const struct prefix *prefix, size_t best)
{
    for (size_t i = 0; i < rules->num_rest && rules->rest[i] < best; i++) {
        if (prefix_matches(prefix, rules->items[rules->rest[i]].pattern))
            return rules->rest[i];
    }
    return best;
}

const struct adp_rule *adp_rules_match(const struct adp_rules *rules, const char *path, int is_dir)
{
    size_t best = rules->num;
    const char *name = path;
    const char *end;

    do {
        const char *dot;
        struct prefix prefix;

        end = strchrnul(name, '/');
        dot = memrchr(name, '.', (size_t)(end - name));
        prefix = (struct prefix){path, name, (size_t)(end - path), *end != '\0' || is_dir};
        best = match_keyed(rules, &prefix, KEY_NAME, name, best);
        if (dot != NULL)
            best = match_keyed(rules, &prefix, KEY_TAIL, dot + 1, best);
        best = match_rest(rules, &prefix, best);
        name = end + 1;
    } while (*end != '\0');
    return best < rules->num ? &rules->items[best] : NULL;
}
