/* Ways back for whoever has lost all devices. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "cli.h"
#include "human.h"
#include "passphrase.h"
#include "request.h"
#include "session.h"
#include "table.h"
#include "text.h"
#include "trust.h"

#define NS_PER_S     1000000000
#define MAX_ATTEMPTS 3 /* at typing a code */

/* -- recovery key */

static void tell_key(struct cli *cli, const struct adp_vault *vault, const char *code)
{
    access_json(cli, vault);
    if (cli->out.is_json) {
        json_object_set_new(cli->out.root, "code", json_string(code));
        return;
    }
    out_secret(&cli->out, code);
    out_note(&cli->out,
             "Write it down and keep it away from your devices: it is shown this once, and "
             "opens everything. A recovery key from before is void.");
}

enum adp_status cmd_recovery_key(struct cli *cli, struct adp_vault *vault, struct adp_error *err)
{
    char code[ADP_RECOVERY_CODE_LEN];
    enum adp_status status = adp_vault_add_recovery_key(vault, code, err);

    if (code[0] != '\0')
        tell_key(cli, vault, code);
    explicit_bzero(code, sizeof(code));
    return status;
}

/* -- recovery contact */

/* open_half makes the file for the other half before anything is changed, readable to its owner
 * alone. */
static enum adp_status open_half(int *out_fd, const char *path, struct adp_error *err)
{
    *out_fd = TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (*out_fd >= 0)
        return ADP_OK;
    return out_fail(err, errno == EEXIST ? ADP_ERR_EXISTS : ADP_ERR_IO, path,
                    errno == EEXIST ? "name another file" : NULL,
                    "cannot make the file for the other half: %s", strerror(errno));
}

static enum adp_status write_half(int fd, const char *path, const char *half, struct adp_error *err)
{
    char line[ADP_RECOVERY_CODE_LEN + 1];
    size_t len = (size_t)snprintf(line, sizeof(line), "%s\n", half);
    size_t done = 0;
    ssize_t num = 0;
    int is_written;

    while (done < len && (num = TEMP_FAILURE_RETRY(write(fd, line + done, len - done))) > 0)
        done += (size_t)num;
    is_written = done == len && fsync(fd) == 0 && syncfs(fd) == 0; /* and the file's name */
    explicit_bzero(line, sizeof(line));
    if (is_written)
        return ADP_OK;
    return out_fail(err, ADP_ERR_IO, path, "remove the contact, and add it again",
                    "cannot write the other half: %s", strerror(errno));
}

static void tell_contact(struct cli *cli, const struct adp_vault *vault, const char *code)
{
    const struct options *options = &cli->options;
    char operators[256];

    access_json(cli, vault);
    if (cli->out.is_json) {
        text_set(cli->out.root, "name", options->args[1]);
        json_object_set_new(cli->out.root, "code", json_string(code));
        text_set(cli->out.root, "half", options->half);
        return;
    }
    out_secret(&cli->out, code);
    access_names(operators, sizeof(operators), vault, ADP_KIND_OPERATOR);
    out_note(&cli->out,
             "Give it to %s: it is shown this once, and says nothing without the other half, "
             "which %s%s.",
             options->args[1], options->half != NULL ? "is in " : "is with the operator, ",
             options->half != NULL ? options->half : operators);
}

/* add_contact removes the file for the other half again where nothing came of it. */
static enum adp_status add_contact(struct cli *cli, struct adp_vault *vault, int fd,
                                   struct adp_error *err)
{
    char code[ADP_RECOVERY_CODE_LEN], half[ADP_RECOVERY_CODE_LEN];
    const struct options *options = &cli->options;
    enum adp_status status = adp_vault_add_recovery_contact(vault, options->args[1], code,
                                                            fd >= 0 ? half : NULL, err),
                    written = ADP_OK;

    if (fd >= 0 && code[0] != '\0')
        written = write_half(fd, options->half, half, err);
    if (written == ADP_OK && code[0] != '\0')
        tell_contact(cli, vault, code);
    else if (fd >= 0)
        unlink(options->half);
    status = written == ADP_OK ? status : written;
    explicit_bzero(code, sizeof(code));
    explicit_bzero(half, sizeof(half));
    return status;
}

enum adp_status cmd_recovery_contact_add(struct cli *cli, struct adp_vault *vault,
                                         struct adp_error *err)
{
    const char *path = cli->options.half;
    int fd = -1;
    enum adp_status status = ADP_OK;

    if (path != NULL)
        status = open_half(&fd, path, err);
    if (status == ADP_OK)
        status = add_contact(cli, vault, fd, err);
    if (fd >= 0)
        close(fd);
    return status;
}

/* is_contact returns whether |name| is a contact's; or was, and is nobody else's now. */
static int is_contact(const struct adp_vault *vault, const char *name)
{
    struct adp_device device;
    int was_contact = 0;

    for (size_t i = 0; i < adp_vault_num_devices(vault); i++) {
        adp_vault_device(vault, i, &device);
        if (strcmp(device.name, name) != 0)
            continue;
        if (device.is_active)
            return device.kind == ADP_KIND_RECOVERY_CONTACT;
        was_contact |= device.kind == ADP_KIND_RECOVERY_CONTACT;
    }
    return was_contact;
}

enum adp_status cmd_recovery_contact_remove(struct cli *cli, struct adp_vault *vault,
                                            struct adp_error *err)
{
    const char *name = cli->options.args[1];
    enum adp_status status;

    if (is_contact(vault, name))
        status = adp_vault_remove_device(vault, name, err);
    else
        status = out_fail(err, ADP_ERR_NOT_FOUND, cli->options.args[0],
                          "adp-seal recovery contact list shows them",
                          "there is no recovery contact \"%s\"", name);
    if (status == ADP_OK)
        access_tell_removed(cli, vault, name, ADP_KIND_RECOVERY_CONTACT);
    return status;
}

/* next_contact finds the first active contact from |*at| on, and moves |*at| behind it. */
static int next_contact(const struct adp_vault *vault, size_t *at, struct adp_device *out)
{
    while (*at < adp_vault_num_devices(vault)) {
        adp_vault_device(vault, (*at)++, out);
        if (out->kind == ADP_KIND_RECOVERY_CONTACT && out->is_active)
            return 1;
    }
    return 0;
}

static void print_contacts(const struct cli *cli, const struct adp_vault *vault)
{
    struct table table = {.alignment = "ll"};
    struct adp_device contact;
    char time[HUMAN_LEN];
    size_t at = 0;

    while (next_contact(vault, &at, &contact)) {
        human_time(time, contact.added_ns / NS_PER_S);
        table_add(&table, "%s", contact.name);
        table_add(&table, "%s", time);
    }
    if (table.num == 0)
        out_note(&cli->out, "There is no recovery contact.");
    table_print(&table);
}

static json_t *contacts_json(const struct adp_vault *vault)
{
    json_t *contacts = json_array();
    struct adp_device contact;
    size_t at = 0;

    while (next_contact(vault, &at, &contact)) {
        json_t *item = json_object();

        text_set(item, "name", contact.name);
        json_object_set_new(item, "added_ns", json_integer(contact.added_ns));
        json_array_append_new(contacts, item);
    }
    return contacts;
}

enum adp_status cmd_recovery_contact_list(struct cli *cli, struct adp_vault *vault,
                                          struct adp_error *err)
{
    (void)err;
    if (cli->out.is_json)
        json_object_set_new(cli->out.root, "contacts", contacts_json(vault));
    else
        print_contacts(cli, vault);
    return ADP_OK;
}

/* -- recovery open */

/* take_code makes the identity that |code| stands for, with |half| if that is not empty. |file|:
 * where the code that may be wrong was read from, NULL for the terminal. */
static enum adp_status take_code(struct adp_identity **out, const char *code, const char *half,
                                 const char *file, struct adp_error *err)
{
    enum adp_status status = adp_identity_recover(out, code, half[0] != '\0' ? half : NULL, err);

    if (status == ADP_ERR_PASSPHRASE && file != NULL)
        snprintf(err->path, sizeof(err->path), "%s", file);
    return status;
}

/* read_half reads the other half, if one was named. It must be a code by itself, so that what is
 * wrong later is the other one. */
static enum adp_status read_half(struct passphrase *out, const struct options *options,
                                 struct adp_error *err)
{
    struct adp_identity *alone;
    enum adp_status status;

    if (options->half == NULL)
        return ADP_OK;
    status = passphrase_get(out, options->half, options->half, PASSPHRASE_RECOVERY, err);
    if (status != ADP_OK)
        return status;
    status = take_code(&alone, out->text, "", options->half, err);
    if (status == ADP_OK)
        adp_identity_free(alone);
    return status;
}

/* recover makes the identity that code and half stand for. On a terminal the code may be mistyped a
 * few times; each time it is said where. */
static enum adp_status recover(struct adp_identity **out, struct cli *cli, struct adp_error *err)
{
    const struct options *options = &cli->options;
    int max_attempts = options->code_file != NULL ? 1 : MAX_ATTEMPTS;
    struct passphrase *code = passphrase_new(), *half = passphrase_new();
    enum adp_status status = read_half(half, options, err);

    for (int i = 0; i < max_attempts && (i > 0 || status == ADP_OK); i++) {
        if (i > 0 && !cli->out.is_json) /* there the last error alone counts */
            out_error(&cli->out, err);
        status =
            passphrase_get(code, options->code_file, options->args[0], PASSPHRASE_RECOVERY, err);
        if (status != ADP_OK)
            break;
        status = take_code(out, code->text, half->text, options->code_file, err);
        if (status != ADP_ERR_PASSPHRASE)
            break;
    }
    passphrase_free(code);
    passphrase_free(half);
    return status;
}

/* admit_this makes this machine's identity a trusted device, with |vault| opened by what was
 * recovered. */
static enum adp_status admit_this(struct cli *cli, struct adp_vault *vault,
                                  struct adp_identity *identity, struct adp_error *err)
{
    char fingerprint[ADP_FINGERPRINT_LEN], *request;
    struct adp_vault *own;
    enum adp_status status = adp_identity_request(identity, &request, err);

    if (status != ADP_OK)
        return status;
    status = adp_vault_add_device(vault, request, cli->options.name, err);
    free(request);
    if (status != ADP_OK)
        return status;
    adp_vault_fingerprint(vault, fingerprint);
    status = adp_vault_open(&own, cli->options.args[0], identity, err);
    if (status != ADP_OK)
        return status;
    status = adp_vault_trust(own, fingerprint, err);
    adp_vault_free(own);
    return status;
}

static void tell_opened(struct cli *cli, const struct adp_vault *vault)
{
    access_json(cli, vault);
    if (!out_shows_text(&cli->out))
        return;
    printf("this is a trusted device now\n");
    out_note(&cli->out,
             "Remove the devices that are lost: adp-seal device remove VAULT NAME; and make "
             "a new recovery key if others may have seen the code: adp-seal recovery key.");
}

static enum adp_status open_with(struct cli *cli, struct adp_identity *recovered,
                                 struct adp_error *err)
{
    struct adp_identity *identity;
    struct adp_vault *vault;
    enum adp_status status = adp_vault_open(&vault, cli->options.args[0], recovered, err);

    if (status != ADP_OK)
        return status;
    status = trust_confirm(cli, vault, err);
    if (status != ADP_OK)
        goto err0;
    status = request_identity(&identity, ADP_KIND_DEVICE, cli, err);
    if (status != ADP_OK)
        goto err0;
    status = admit_this(cli, vault, identity, err);
    if (status == ADP_OK)
        tell_opened(cli, vault);
    adp_identity_free(identity);
err0:
    adp_vault_free(vault);
    return status;
}

enum adp_status cmd_recovery_open(struct cli *cli, struct adp_error *err)
{
    struct adp_identity *recovered;
    enum adp_status status = recover(&recovered, cli, err);

    if (status != ADP_OK)
        return status;
    status = open_with(cli, recovered, err);
    adp_identity_free(recovered);
    return status;
}
