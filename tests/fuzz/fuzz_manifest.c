/* Whatever database a manifest is: reading it ends, says the same twice, and knows no more files
 * than it has bytes for. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "manifest.h"

/* The shortest a row can be: its file id. */
#define ROW_LEN ADP_FILE_ID_LEN

static struct adp_manifest *read_it(int fd)
{
    const struct adp_options options = {0};
    struct adp_manifest *manifest = NULL;
    struct adp_tell tell;
    enum adp_status status;

    adp_tell_init(&tell, &options, "fuzz");
    status = adp_manifest_read(&manifest, fd, "fuzz", ADP_SANDBOX_OFF, &tell, NULL);

    FUZZ_CHECK(status == ADP_OK || status == ADP_ERR_FORMAT);
    FUZZ_CHECK((status == ADP_OK) == (manifest != NULL));
    return manifest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct adp_manifest *first, *second;

    FUZZ_CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    first = read_it(fd);
    second = read_it(fd);
    FUZZ_CHECK((first == NULL) == (second == NULL));
    if (first != NULL) {
        FUZZ_CHECK(adp_manifest_num_files(first) == adp_manifest_num_files(second));
        FUZZ_CHECK(adp_manifest_num_refused(first) == adp_manifest_num_refused(second));
        FUZZ_CHECK(adp_manifest_num_files(first) <= len / ROW_LEN);
    }
    adp_manifest_free(first);
    adp_manifest_free(second);
    close(fd);
    return 0;
}
