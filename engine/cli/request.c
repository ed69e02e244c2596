#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "session.h"
#include "text.h"

#define REQUEST_PREFIX "adp-seal-request-"
#define REQUEST_MAX    65536

static enum adp_status load_or_create(struct adp_identity **out_identity, const char *path,
                                      enum adp_kind kind, struct cli *cli, struct adp_error *err)
{
    const char *name = cli->options.name;
    enum adp_status status = session_load_identity(out_identity, path, cli, err);

    if (status == ADP_ERR_NOT_FOUND && name == NULL)
        return out_fail(err, ADP_ERR_ARGUMENT, path, NULL,
                        "a new identity needs a name: --name NAME");
    if (status == ADP_ERR_NOT_FOUND)
        return session_create_identity(out_identity, path, kind, name, cli, err);
    if (status != ADP_OK || adp_identity_kind(*out_identity) == kind)
        return status;
    status = out_fail(err, ADP_ERR_EXISTS, path, "name another file with --identity",
                      "the identity that is there is a %s's",
                      adp_kind_name(adp_identity_kind(*out_identity)));
    adp_identity_free(*out_identity);
    return status;
}

enum adp_status request_identity(struct adp_identity **out_identity, enum adp_kind kind,
                                 struct cli *cli, struct adp_error *err)
{
    char *path;
    enum adp_status status = session_identity_path(&path, cli, err);

    if (status != ADP_OK)
        return status;
    status = load_or_create(out_identity, path, kind, cli, err);
    if (status == ADP_OK && cli->out.is_json)
        text_set(cli->out.root, "identity", path);
    free(path);
    return status;
}

enum adp_status request_print(enum adp_kind kind, const char *advice, struct cli *cli,
                              struct adp_error *err)
{
    struct adp_identity *identity;
    char *request;
    enum adp_status status = request_identity(&identity, kind, cli, err);

    if (status != ADP_OK)
        return status;
    status = adp_identity_request(identity, &request, err);
    if (status == ADP_OK && cli->out.is_json) {
        text_set(cli->out.root, "name", adp_identity_name(identity));
        json_object_set_new(cli->out.root, "kind", json_string(adp_kind_name(kind)));
        json_object_set_new(cli->out.root, "request", json_string(request));
    } else if (status == ADP_OK) {
        printf("%s\n", request);
        out_note(&cli->out, "%s", advice);
    }
    if (status == ADP_OK)
        free(request);
    adp_identity_free(identity);
    return status;
}

enum adp_status request_read(char **out_request, const char *word, struct adp_error *err)
{
    int is_text = strncmp(word, REQUEST_PREFIX, strlen(REQUEST_PREFIX)) == 0;
    int is_stdin = strcmp(word, "-") == 0;
    FILE *file;
    char *text;

    if (is_text) {
        *out_request = strcpy(must_alloc(strlen(word) + 1), word);
        return ADP_OK;
    }
    do {
        file = is_stdin ? stdin : fopen(word, "re");
    } while (file == NULL && errno == EINTR);
    if (file == NULL)
        return out_fail(err, errno == ENOENT ? ADP_ERR_NOT_FOUND : ADP_ERR_IO, word,
                        "REQUEST is the line that device request printed, a file that has it, or -",
                        "cannot open the request: %s", strerror(errno));
    text = must_alloc(REQUEST_MAX + 1);
    text[fread(text, 1, REQUEST_MAX, file)] = '\0';
    if (!is_stdin)
        fclose(file);
    *out_request = text;
    return ADP_OK;
}
