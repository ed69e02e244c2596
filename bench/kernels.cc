// AES-256-GCM by every kernel that runs here, by BoringSSL's AEAD interface called directly, and by
// Intel's ipsec-mb if it was there at build time; and what the CPU could do at most (ports.h).
extern "C" {
#include "gcm.h"
}

#include "gcm_rows.h"
#include "ports.h"

#include <openssl/aead.h>
#ifdef ADP_BENCH_IPSEC_MB
#    include <intel-ipsec-mb.h>
#    include <openssl/mem.h>
#endif

namespace
{

class KernelCipher : public Cipher
{
  public:
    explicit KernelCipher(const adp_gcm_kernel *kernel) : kernel_(kernel)
    {
        adp_gcm_key_init(&key_, kernel, kKey);
    }
    ~KernelCipher() override
    {
        adp_gcm_key_cleanup(&key_);
        adp_gcm_scratch_cleanup(&scratch_);
    }
    std::string Name() const override
    {
        return adp_gcm_kernel_name(kernel_);
    }
    std::string Version() const override
    {
        return "of this build";
    }
    bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *nonce, const uint8_t *in,
              size_t len) override
    {
        adp_gcm_piece piece = {in, len};
        return adp_gcm_seal(&key_, &scratch_, out, out_tag, nonce, &piece, 1, kAad, kAadLen) ==
               ADP_GCM_OK;
    }
    bool Open(uint8_t *out, const uint8_t *nonce, const uint8_t *tag, const uint8_t *in,
              size_t len) override
    {
        adp_gcm_piece piece = {in, len};
        return adp_gcm_open(&key_, &scratch_, out, nonce, &piece, 1, tag, kAad, kAadLen) ==
               ADP_GCM_OK;
    }

  private:
    const adp_gcm_kernel *kernel_;
    adp_gcm_key key_;
    adp_gcm_scratch scratch_;
};

class BoringCipher : public Cipher
{
  public:
    BoringCipher()
    {
        EVP_AEAD_CTX_init(ctx_.get(), EVP_aead_aes_256_gcm(), kKey, kKeyLen, kTagLen, nullptr);
    }
    std::string Name() const override
    {
        return "boringssl";
    }
    std::string Version() const override
    {
        return "BoringSSL API " + std::to_string(BORINGSSL_API_VERSION);
    }
    bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *nonce, const uint8_t *in,
              size_t len) override
    {
        size_t tag_len;
        return EVP_AEAD_CTX_seal_scatter(ctx_.get(), out, out_tag, &tag_len, kTagLen, nonce,
                                         kNonceLen, in, len, nullptr, 0, kAad, kAadLen);
    }
    bool Open(uint8_t *out, const uint8_t *nonce, const uint8_t *tag, const uint8_t *in,
              size_t len) override
    {
        return EVP_AEAD_CTX_open_gather(ctx_.get(), out, nonce, kNonceLen, in, len, tag, kTagLen,
                                        kAad, kAadLen);
    }

  private:
    bssl::ScopedEVP_AEAD_CTX ctx_;
};

#ifdef ADP_BENCH_IPSEC_MB

class IpsecCipher : public Cipher
{
  public:
    IpsecCipher() : mgr_(alloc_mb_mgr(0))
    {
        init_mb_mgr_auto(mgr_, &arch_);
        IMB_AES256_GCM_PRE(mgr_, kKey, &key_);
    }
    ~IpsecCipher() override
    {
        free_mb_mgr(mgr_);
    }
    std::string Name() const override
    {
        return "ipsec-mb";
    }
    std::string Version() const override
    {
        static const char *const archs[] = {"none", "no AES-NI", "SSE", "AVX", "AVX2", "AVX-512"};
        return std::string("ipsec-mb ") + imb_get_version_str() + ", its code for " + archs[arch_];
    }
    bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *nonce, const uint8_t *in,
              size_t len) override
    {
        IMB_AES256_GCM_ENC(mgr_, &key_, &ctx_, out, in, len, nonce, kAad, kAadLen, out_tag,
                           kTagLen);
        return true;
    }
    bool Open(uint8_t *out, const uint8_t *nonce, const uint8_t *tag, const uint8_t *in,
              size_t len) override
    {
        uint8_t computed[kTagLen];
        IMB_AES256_GCM_DEC(mgr_, &key_, &ctx_, out, in, len, nonce, kAad, kAadLen, computed,
                           kTagLen);
        return CRYPTO_memcmp(computed, tag, kTagLen) == 0;
    }

  private:
    IMB_MGR *mgr_;
    IMB_ARCH arch_ = IMB_ARCH_NONE;
    alignas(64) gcm_key_data key_;
    alignas(64) gcm_context_data ctx_;
};

#endif

} // namespace

int main(int argc, char **argv)
{
    Ciphers ciphers;
    const char *name;
    int usable;

    for (size_t i = 0; (name = adp_gcm_kernel_at(i, &usable)) != nullptr; i++) {
        const adp_gcm_kernel *kernel;
        if (usable && adp_gcm_kernel_select(&kernel, name) == ADP_GCM_OK)
            ciphers.push_back(std::make_unique<KernelCipher>(kernel));
    }
    ciphers.push_back(std::make_unique<BoringCipher>());
#ifdef ADP_BENCH_IPSEC_MB
    ciphers.push_back(std::make_unique<IpsecCipher>());
#endif
    RegisterPorts();
    return GcmMain(argc, argv, ciphers);
}
