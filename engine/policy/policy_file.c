#include "policy_file.h"

#include <cyaml/cyaml.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define NAME_MAX_LEN    64
#define PATTERN_MAX_LEN 4096
#define MAX_RULES       65536

/* An enumeration, since libcyaml takes every word but a few for true. */
static const cyaml_strval_t truth[] = {{"false", 0}, {"true", 1}};

static const cyaml_schema_field_t rule_fields[] = {
    CYAML_FIELD_STRING_PTR("match", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct adp_policy_file_rule, match, 1, PATTERN_MAX_LEN),
    CYAML_FIELD_STRING_PTR("label", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct adp_policy_file_rule, label, 1, PATTERN_MAX_LEN),
    CYAML_FIELD_STRING_PTR("category", CYAML_FLAG_POINTER, struct adp_policy_file_rule, category, 1,
                           NAME_MAX_LEN),
    CYAML_FIELD_ENUM_PTR("derived", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                         struct adp_policy_file_rule, derived, truth, CYAML_ARRAY_LEN(truth)),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t rule_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct adp_policy_file_rule, rule_fields),
};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct adp_policy_file, version),
    CYAML_FIELD_ENUM_PTR("builtin", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                         struct adp_policy_file, builtin, truth, CYAML_ARRAY_LEN(truth)),
    CYAML_FIELD_STRING_PTR("default", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct adp_policy_file, default_category, 1, NAME_MAX_LEN),
    CYAML_FIELD_SEQUENCE_COUNT("rules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct adp_policy_file, rules, num_rules, &rule_schema, 0,
                               MAX_RULES),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct adp_policy_file, file_fields),
};

/* What libcyaml logs of a failure: first the reason, then a trace with the place. */
struct complaint {
    char reason[256];
    unsigned line;
};

static void note_complaint(cyaml_log_t level, void *ctx, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void note_complaint(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct complaint *complaint = ctx;
    char text[256];
    const char *place;

    (void)level;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    place = strstr(text, "(line: ");
    if (place != NULL && complaint->line == 0)
        sscanf(place, "(line: %u", &complaint->line);
    else if (strncmp(text, "Load: ", 6) == 0 && strcmp(text, "Load: Backtrace:") != 0 &&
             complaint->reason[0] == '\0')
        strcpy(complaint->reason, text + 6);
}

static cyaml_config_t configure(struct complaint *complaint)
{
    return (cyaml_config_t){
        .log_fn = note_complaint,
        .log_ctx = complaint,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static enum adp_status refuse(struct adp_error *err, cyaml_err_t code, const char *origin,
                              const struct complaint *complaint)
{
    const char *reason = complaint->reason[0] != '\0' ? complaint->reason : cyaml_strerror(code);
    enum adp_status status;

    if (code == CYAML_ERR_OOM)
        return adp_fail_memory(err);
    if (complaint->line != 0)
        status = adp_fail(err, ADP_ERR_ARGUMENT, origin, "line %u: %s", complaint->line, reason);
    else
        status = adp_fail(err, ADP_ERR_ARGUMENT, origin, "%s", reason);
    return adp_error_hint(
        err, status,
        "A policy is YAML: version, builtin, default, rules (match or label, category, derived)");
}

enum adp_status adp_policy_file_parse(struct adp_policy_file **out_file, const uint8_t *data,
                                      size_t len, const char *origin, struct adp_error *err)
{
    struct complaint complaint = {0};
    cyaml_config_t config = configure(&complaint);
    cyaml_data_t *loaded = NULL;
    struct adp_policy_file *file;
    unsigned version;
    cyaml_err_t code;

    if (len > ADP_POLICY_FILE_MAX)
        return adp_fail(err, ADP_ERR_ARGUMENT, origin, "larger than 1 MiB");
    code = cyaml_load_data(data, len, &config, &file_schema, &loaded, NULL);
    if (code != CYAML_OK)
        return refuse(err, code, origin, &complaint);
    file = loaded;
    if (file == NULL)
        return adp_fail(err, ADP_ERR_ARGUMENT, origin, "there is no policy in it");
    version = file->version;
    if (version != 1) {
        adp_policy_file_free(file);
        return adp_fail(err, ADP_ERR_UNSUPPORTED, origin, "policy version %u; known is 1", version);
    }
    *out_file = file;
    return ADP_OK;
}

void adp_policy_file_free(struct adp_policy_file *file)
{
    struct complaint ignored = {0};
    cyaml_config_t config = configure(&ignored);

    cyaml_free(&config, &file_schema, file, 0);
}
