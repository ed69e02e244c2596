/* A property list says yes, no or nothing, and twice alike. */
#include "fuzz.h"
#include "plist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum adp_plist_answer answer = adp_plist_bool(data, len, "IsEncrypted");

    FUZZ_CHECK(answer >= ADP_PLIST_MALFORMED && answer <= ADP_PLIST_TRUE);
    FUZZ_CHECK(adp_plist_bool(data, len, "IsEncrypted") == answer);
    return 0;
}
