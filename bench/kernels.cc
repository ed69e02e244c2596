// AES-256-GCM: rows gcm_seal/IMPLEMENTATION/BYTES and gcm_open/IMPLEMENTATION/BYTES, for every
// kernel that runs here and for BoringSSL's AEAD interface called directly.
extern "C" {
#include "gcm.h"
}

#include <benchmark/benchmark.h>
#include <openssl/aead.h>

#include <memory>
#include <string>
#include <vector>

namespace
{

const uint8_t kKey[ADP_GCM_KEY_LEN] = {1};
const uint8_t kNonce[ADP_GCM_NONCE_LEN] = {2};
const uint8_t kAad[16] = {3};

// One way to seal and to open a message of |len| bytes.
class Cipher
{
  public:
    virtual ~Cipher() = default;
    virtual bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *in, size_t len) = 0;
    virtual bool Open(uint8_t *out, const uint8_t *tag, const uint8_t *in, size_t len) = 0;
};

class KernelCipher : public Cipher
{
  public:
    explicit KernelCipher(const adp_gcm_kernel *kernel)
    {
        adp_gcm_key_init(&key_, kernel, kKey);
    }
    ~KernelCipher() override
    {
        adp_gcm_key_cleanup(&key_);
        adp_gcm_scratch_cleanup(&scratch_);
    }
    bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *in, size_t len) override
    {
        adp_gcm_piece piece = {in, len};
        return adp_gcm_seal(&key_, &scratch_, out, out_tag, kNonce, &piece, 1, kAad,
                            sizeof(kAad)) == ADP_GCM_OK;
    }
    bool Open(uint8_t *out, const uint8_t *tag, const uint8_t *in, size_t len) override
    {
        adp_gcm_piece piece = {in, len};
        return adp_gcm_open(&key_, &scratch_, out, kNonce, &piece, 1, tag, kAad, sizeof(kAad)) ==
               ADP_GCM_OK;
    }

  private:
    adp_gcm_key key_;
    adp_gcm_scratch scratch_;
};

class BoringCipher : public Cipher
{
  public:
    BoringCipher()
    {
        EVP_AEAD_CTX_init(ctx_.get(), EVP_aead_aes_256_gcm(), kKey, sizeof(kKey), ADP_GCM_TAG_LEN,
                          nullptr);
    }
    bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *in, size_t len) override
    {
        size_t tag_len;
        return EVP_AEAD_CTX_seal_scatter(ctx_.get(), out, out_tag, &tag_len, ADP_GCM_TAG_LEN,
                                         kNonce, sizeof(kNonce), in, len, nullptr, 0, kAad,
                                         sizeof(kAad));
    }
    bool Open(uint8_t *out, const uint8_t *tag, const uint8_t *in, size_t len) override
    {
        return EVP_AEAD_CTX_open_gather(ctx_.get(), out, kNonce, sizeof(kNonce), in, len, tag,
                                        ADP_GCM_TAG_LEN, kAad, sizeof(kAad));
    }

  private:
    bssl::ScopedEVP_AEAD_CTX ctx_;
};

void Finish(benchmark::State &state, size_t len, bool ok)
{
    if (!ok)
        state.SkipWithError("sealing or opening failed");
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * len));
}

void BenchSeal(benchmark::State &state, Cipher *cipher)
{
    size_t len = static_cast<size_t>(state.range(0));
    std::vector<uint8_t> in(len, 0x5a), out(len);
    uint8_t tag[ADP_GCM_TAG_LEN];
    bool ok = true;

    for (auto _ : state) {
        ok &= cipher->Seal(out.data(), tag, in.data(), len);
        benchmark::ClobberMemory();
    }
    Finish(state, len, ok);
}

void BenchOpen(benchmark::State &state, Cipher *cipher)
{
    size_t len = static_cast<size_t>(state.range(0));
    std::vector<uint8_t> in(len, 0x5a), out(len);
    uint8_t tag[ADP_GCM_TAG_LEN];
    bool ok = cipher->Seal(in.data(), tag, in.data(), len);

    for (auto _ : state) {
        ok &= cipher->Open(out.data(), tag, in.data(), len);
        benchmark::ClobberMemory();
    }
    Finish(state, len, ok);
}

void Register(const std::string &name, Cipher *cipher)
{
    for (int64_t len : {64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}) {
        benchmark::RegisterBenchmark(("gcm_seal/" + name).c_str(), BenchSeal, cipher)->Arg(len);
        benchmark::RegisterBenchmark(("gcm_open/" + name).c_str(), BenchOpen, cipher)->Arg(len);
    }
}

} // namespace

int main(int argc, char **argv)
{
    std::vector<std::unique_ptr<Cipher>> ciphers;
    const char *name;
    int usable;

    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != nullptr; i++) {
        const adp_gcm_kernel *kernel;
        if (!usable || adp_gcm_kernel_select(&kernel, name) != ADP_GCM_OK)
            continue;
        ciphers.push_back(std::make_unique<KernelCipher>(kernel));
        Register(name, ciphers.back().get());
    }
    ciphers.push_back(std::make_unique<BoringCipher>());
    Register("boringssl", ciphers.back().get());

    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
