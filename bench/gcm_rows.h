// What every benchmark of AES-256-GCM measures, whatever the implementation: rows
// gcm_seal/IMPLEMENTATION/BYTES and gcm_open/IMPLEMENTATION/BYTES. A program of its own is needed
// where implementations define the same symbols, so this knows of no library.
#ifndef ADP_BENCH_GCM_ROWS_H
#define ADP_BENCH_GCM_ROWS_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

constexpr size_t kKeyLen = 32;
constexpr size_t kNonceLen = 12;
constexpr size_t kTagLen = 16;
constexpr size_t kAadLen = 16;

extern const uint8_t kKey[kKeyLen];
extern const uint8_t kAad[kAadLen];

// One implementation, set up for kKey; every message has the additional data kAad.
class Cipher
{
  public:
    virtual ~Cipher() = default;
    virtual std::string Name() const = 0;
    // Version is what the library says of itself, and of the code that it chose.
    virtual std::string Version() const = 0;
    virtual bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *nonce, const uint8_t *in,
                      size_t len) = 0;
    virtual bool Open(uint8_t *out, const uint8_t *nonce, const uint8_t *tag, const uint8_t *in,
                      size_t len) = 0;
};

using Ciphers = std::vector<std::unique_ptr<Cipher>>;

// GcmMain is a program's main. It first lets all |ciphers| seal and open the same messages and
// returns 1 unless they agree. With the single argument --answers it then prints for each a line of
// name, digest of its answers and version, by which kernels.py compares programs; otherwise it runs
// the rows that were registered before and those of |ciphers|, by Google Benchmark's options.
int GcmMain(int argc, char **argv, const Ciphers &ciphers);

#endif
