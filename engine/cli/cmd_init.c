#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "session.h"
#include "text.h"

static enum adp_status find_or_create(struct adp_identity **out_identity, int *out_is_new,
                                      const char *path, const struct cli *cli,
                                      struct adp_error *err)
{
    const struct options *options = &cli->options;
    enum adp_status status = adp_identity_load(out_identity, path, NULL, err);

    *out_is_new = status == ADP_ERR_NOT_FOUND;
    if (*out_is_new)
        return session_create_identity(out_identity, path, ADP_KIND_DEVICE, options->device, cli,
                                       err);
    if (status == ADP_ERR_PASSPHRASE)
        return session_load_identity(out_identity, path, cli, err);
    if (status != ADP_OK || !options_has(options, OPTION_PASSPHRASE))
        return status;
    adp_identity_free(*out_identity);
    return out_fail(err, ADP_ERR_EXISTS, path,
                    "leave --passphrase out to use it, or name another file with --identity",
                    "this identity is there already, and has no passphrase");
}

static void print_vault(struct cli *cli, const struct adp_vault *vault, const char *path,
                        int is_new)
{
    char fingerprint[ADP_FINGERPRINT_LEN];

    adp_vault_fingerprint(vault, fingerprint);
    if (cli->out.is_json) {
        text_set(cli->out.root, "vault", cli->options.args[0]);
        text_set(cli->out.root, "device", cli->options.device);
        text_set(cli->out.root, "identity", path);
        json_object_set_new(cli->out.root, "identity_is_new", json_boolean(is_new));
        json_object_set_new(cli->out.root, "account", json_string(fingerprint));
    }
    if (!out_shows_text(&cli->out))
        return;
    printf("vault     ");
    text_print(cli->options.args[0]);
    printf("\ndevice    ");
    text_print(cli->options.device);
    printf("\nidentity  ");
    text_print(path);
    printf("\naccount   %s\n", fingerprint);
    out_note(&cli->out, "Keep a copy of the identity: without it nobody opens this vault.");
}

enum adp_status cmd_init(struct cli *cli, struct adp_error *err)
{
    struct adp_identity *identity = NULL;
    struct adp_vault *vault;
    int is_new;
    char *path;
    enum adp_status status;

    if (cli->options.device == NULL)
        return out_fail(err, ADP_ERR_ARGUMENT, NULL, "for example --device laptop",
                        "init needs --device NAME");
    status = session_identity_path(&path, cli, err);
    if (status != ADP_OK)
        return status;
    status = find_or_create(&identity, &is_new, path, cli, err);
    if (status != ADP_OK)
        goto err0;
    status = adp_vault_create(&vault, cli->options.args[0], identity, cli->options.device, err);
    if (status != ADP_OK)
        goto err1;
    print_vault(cli, vault, path, is_new);
    adp_vault_free(vault);
err1:
    adp_identity_free(identity);
err0:
    free(path);
    return status;
}
