#include "cli.h"
#include "table.h"
#include "text.h"

static const char *class_words(enum adp_category_class class, int for_people)
{
    switch (class) {
    case ADP_CLASS_DEFAULT:
        return for_people ? "end-to-end encrypted" : "default";
    case ADP_CLASS_ADVANCED:
        return for_people ? "end-to-end encrypted under advanced protection" : "advanced";
    case ADP_CLASS_NEVER:
        return for_people ? "not end-to-end encrypted where the vault has an operator" : "never";
    }
    return "";
}

static void list_json(json_t *root)
{
    json_t *array = json_array();

    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        json_t *item = json_object();

        json_object_set_new(item, "number", json_integer(i));
        json_object_set_new(item, "name", json_string(adp_category_name(i)));
        json_object_set_new(item, "class", json_string(class_words(adp_category_class_of(i), 0)));
        json_array_append_new(array, item);
    }
    json_object_set_new(root, "categories", array);
}

enum adp_status cmd_category_list(struct cli *cli, struct adp_error *err)
{
    struct table table = {.alignment = "rll"};

    (void)err;
    if (cli->out.is_json) {
        list_json(cli->out.root);
        return ADP_OK;
    }
    for (unsigned i = 1; i <= ADP_NUM_CATEGORIES; i++) {
        table_add(&table, "%u", i);
        table_add(&table, "%s", adp_category_name(i));
        table_add(&table, "%s", class_words(adp_category_class_of(i), 1));
    }
    table_print(&table);
    return ADP_OK;
}

static void add_row(struct table *table, const char *word, const struct adp_verdict *verdict)
{
    const char *origin = verdict->profile != NULL ? verdict->profile : verdict->origin;

    table_add(table, "%s", word);
    table_add(table, "%s", adp_category_name(verdict->category));
    if (verdict->line != 0)
        table_add(table, "%s (%s%s, rule %u)%s", verdict->rule,
                  verdict->profile != NULL ? "profile " : "", origin, verdict->line,
                  verdict->is_derived ? ", derived" : "");
    else
        table_add(table, "%s (%s%s)", verdict->rule, verdict->profile != NULL ? "profile " : "",
                  origin);
}

static json_t *verdict_json(const char *word, const struct adp_verdict *verdict)
{
    json_t *object = json_object();

    text_set(object, "path", word);
    json_object_set_new(object, "category", json_string(adp_category_name(verdict->category)));
    text_set(object, "rule", verdict->rule);
    text_set(object, "origin", verdict->origin);
    json_object_set_new(object, "line", json_integer(verdict->line));
    text_set(object, "profile", verdict->profile);
    json_object_set_new(object, "derived", json_boolean(verdict->is_derived));
    return object;
}

enum adp_status cmd_category_explain(struct cli *cli, struct adp_error *err)
{
    struct table table = {.alignment = "lll"};
    json_t *array = json_array();
    struct adp_policy *policy;
    struct adp_verdict verdict;
    enum adp_status status = adp_policy_load(&policy, cli->options.policy, err);

    if (status != ADP_OK) {
        json_decref(array);
        return status;
    }
    for (size_t i = 0; status == ADP_OK && i < cli->options.num_args; i++) {
        status = adp_explain(policy, cli->options.args[i], cli->options.profile, &verdict, err);
        if (status != ADP_OK)
            break;
        if (cli->out.is_json)
            json_array_append_new(array, verdict_json(cli->options.args[i], &verdict));
        else
            add_row(&table, cli->options.args[i], &verdict);
    }
    if (cli->out.is_json)
        json_object_set(cli->out.root, "paths", array);
    json_decref(array);
    table_print(&table);
    adp_policy_free(policy);
    return status;
}
