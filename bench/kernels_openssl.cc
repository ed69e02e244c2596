// AES-256-GCM by OpenSSL, in a process of its own: its libcrypto has BoringSSL's symbols.
#include "gcm_rows.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace
{

class OpensslCipher : public Cipher
{
  public:
    OpensslCipher() : seal_(EVP_CIPHER_CTX_new()), open_(EVP_CIPHER_CTX_new())
    {
        EVP_EncryptInit_ex(seal_, EVP_aes_256_gcm(), nullptr, kKey, nullptr);
        EVP_DecryptInit_ex(open_, EVP_aes_256_gcm(), nullptr, kKey, nullptr);
    }
    ~OpensslCipher() override
    {
        EVP_CIPHER_CTX_free(seal_);
        EVP_CIPHER_CTX_free(open_);
    }
    std::string Name() const override
    {
        return "openssl";
    }
    std::string Version() const override
    {
        return OpenSSL_version(OPENSSL_VERSION);
    }
    bool Seal(uint8_t *out, uint8_t *out_tag, const uint8_t *nonce, const uint8_t *in,
              size_t len) override
    {
        int num;
        return EVP_EncryptInit_ex(seal_, nullptr, nullptr, nullptr, nonce) == 1 &&
               EVP_EncryptUpdate(seal_, nullptr, &num, kAad, kAadLen) == 1 &&
               EVP_EncryptUpdate(seal_, out, &num, in, static_cast<int>(len)) == 1 &&
               EVP_EncryptFinal_ex(seal_, out + num, &num) == 1 &&
               EVP_CIPHER_CTX_ctrl(seal_, EVP_CTRL_AEAD_GET_TAG, kTagLen, out_tag) == 1;
    }
    bool Open(uint8_t *out, const uint8_t *nonce, const uint8_t *tag, const uint8_t *in,
              size_t len) override
    {
        int num;
        return EVP_DecryptInit_ex(open_, nullptr, nullptr, nullptr, nonce) == 1 &&
               EVP_DecryptUpdate(open_, nullptr, &num, kAad, kAadLen) == 1 &&
               EVP_DecryptUpdate(open_, out, &num, in, static_cast<int>(len)) == 1 &&
               EVP_CIPHER_CTX_ctrl(open_, EVP_CTRL_AEAD_SET_TAG, kTagLen,
                                   const_cast<uint8_t *>(tag)) == 1 &&
               EVP_DecryptFinal_ex(open_, out + num, &num) == 1;
    }

  private:
    EVP_CIPHER_CTX *seal_;
    EVP_CIPHER_CTX *open_;
};

} // namespace

int main(int argc, char **argv)
{
    Ciphers ciphers;

    ciphers.push_back(std::make_unique<OpensslCipher>());
    return GcmMain(argc, argv, ciphers);
}
