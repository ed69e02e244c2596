#include "gcm_rows.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

const uint8_t kKey[kKeyLen] = {1};
const uint8_t kAad[kAadLen] = {3};

namespace
{

constexpr size_t kRowLens[] = {64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20};
constexpr size_t kOddLens[] = {1, 15, 17, 1000, 4095, 70001};
constexpr size_t kMaxLen = 1 << 20;
constexpr size_t kNumOpenings = 16;

// Splitmix64's mixing of a counter (Steele, Lea, Flood, OOPSLA 2014).
uint64_t Mix(uint64_t z)
{
    z *= 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

// A fresh nonce a message. It is drawn while the message before is worked on: read at once in
// another width than it was written, it would stall some implementations and not others.
class Nonces
{
  public:
    Nonces()
    {
        Draw();
    }
    const uint8_t *Next()
    {
        Draw();
        return slots_[(count_ - 1) % 2];
    }

  private:
    void Draw()
    {
        uint64_t low = Mix(2 * ++count_);
        uint32_t high = static_cast<uint32_t>(Mix(2 * count_ + 1));

        std::memcpy(slots_[count_ % 2], &low, sizeof(low));
        std::memcpy(slots_[count_ % 2] + sizeof(low), &high, sizeof(high));
    }
    alignas(64) uint8_t slots_[2][64];
    uint64_t count_ = 0;
};

// A nonce and the tag by which the input's first so many bytes are a message.
struct Opening {
    alignas(32) uint8_t nonce[kNonceLen];
    uint8_t tag[kTagLen];
};

// The buffers of all rows, so that each implementation meets the same cache lines and pages. The
// output begins in the middle of a page: a load is taken for a store 4 KiB away by some CPUs.
alignas(4096) uint8_t g_in[kMaxLen];
alignas(4096) uint8_t g_room[2048 + kMaxLen];
uint8_t *const g_out = g_room + 2048;
std::vector<Opening> g_openings[sizeof(kRowLens) / sizeof(kRowLens[0])];

void FillInput()
{
    for (size_t i = 0; i < kMaxLen; i += 8) {
        uint64_t word = Mix(i);
        std::memcpy(g_in + i, &word, sizeof(word));
    }
}

// --- Whether all give the same answers

// FNV-1a: a digest to tell answers apart, nothing more.
void Digest(uint64_t *digest, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *digest = (*digest ^ data[i]) * 0x100000001b3;
}

// Answer lets |cipher| seal and open the message of |len| bytes and adds what it sealed to
// |digest|. Returns whether it opened what it sealed, and nothing else.
bool Answer(uint64_t *digest, Cipher *cipher, const uint8_t *nonce, size_t len)
{
    std::vector<uint8_t> opened(len);
    uint8_t tag[kTagLen];

    if (!cipher->Seal(g_out, tag, nonce, g_in, len))
        return false;
    Digest(digest, g_out, len);
    Digest(digest, tag, kTagLen);
    if (!cipher->Open(opened.data(), nonce, tag, g_out, len) ||
        std::memcmp(opened.data(), g_in, len) != 0)
        return false;
    tag[len % kTagLen] ^= 1;
    return !cipher->Open(opened.data(), nonce, tag, g_out, len);
}

// Agree returns whether all |ciphers| give the same answers, and sets their |out_digests|.
bool Agree(std::vector<uint64_t> *out_digests, const Ciphers &ciphers)
{
    std::vector<size_t> lens(std::begin(kRowLens), std::end(kRowLens));
    Nonces nonces;

    lens.insert(lens.end(), std::begin(kOddLens), std::end(kOddLens));
    out_digests->assign(ciphers.size(), 0xcbf29ce484222325);
    for (size_t len : lens) {
        const uint8_t *nonce = nonces.Next();
        for (size_t i = 0; i < ciphers.size(); i++) {
            uint64_t *digest = &(*out_digests)[i];
            bool opens = Answer(digest, ciphers[i].get(), nonce, len);
            if (!opens || *digest != out_digests->front()) {
                std::fprintf(stderr, "%s %s %zu bytes, so nothing is measured\n",
                             ciphers[i]->Name().c_str(),
                             opens ? "and others disagree at"
                                   : "does not open what it sealed, or opens other, at",
                             len);
                return false;
            }
        }
    }
    return true;
}

// --- Rows

// MakeOpenings finds nonces and tags for the input's first |len| bytes: any bytes are some message
// under any nonce, so that one buffer serves every opening and stays as warm as a sealing's.
std::vector<Opening> MakeOpenings(Cipher *cipher, size_t len)
{
    std::vector<Opening> openings(kNumOpenings);
    std::vector<uint8_t> plaintext(len);
    Nonces nonces;

    for (Opening &opening : openings) {
        std::memcpy(opening.nonce, nonces.Next(), kNonceLen);
        std::memset(plaintext.data(), 0, len);
        cipher->Seal(g_out, opening.tag, opening.nonce, plaintext.data(), len);
        for (size_t i = 0; i < len; i++)
            plaintext[i] = g_out[i] ^ g_in[i];
        cipher->Seal(g_out, opening.tag, opening.nonce, plaintext.data(), len);
    }
    return openings;
}

void Finish(benchmark::State &state, size_t len, bool ok)
{
    if (!ok)
        state.SkipWithError("sealing or opening failed");
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * len));
}

void BenchSeal(benchmark::State &state, Cipher *cipher)
{
    size_t len = static_cast<size_t>(state.range(0));
    Nonces nonces;
    uint8_t tag[kTagLen];
    bool ok = true;

    for (auto _ : state) {
        ok &= cipher->Seal(g_out, tag, nonces.Next(), g_in, len);
        benchmark::ClobberMemory();
    }
    Finish(state, len, ok);
}

void BenchOpen(benchmark::State &state, Cipher *cipher, const std::vector<Opening> *openings)
{
    size_t len = static_cast<size_t>(state.range(0));
    size_t i = 0;
    bool ok = true;

    for (auto _ : state) {
        const Opening &opening = (*openings)[i++ % kNumOpenings];
        ok &= cipher->Open(g_out, opening.nonce, opening.tag, g_in, len);
        benchmark::ClobberMemory();
    }
    Finish(state, len, ok);
}

void Register(Cipher *cipher)
{
    for (size_t i = 0; i < sizeof(kRowLens) / sizeof(kRowLens[0]); i++) {
        int64_t len = static_cast<int64_t>(kRowLens[i]);
        benchmark::RegisterBenchmark(("gcm_seal/" + cipher->Name()).c_str(), BenchSeal, cipher)
            ->Arg(len);
        benchmark::RegisterBenchmark(("gcm_open/" + cipher->Name()).c_str(), BenchOpen, cipher,
                                     &g_openings[i])
            ->Arg(len);
    }
}

} // namespace

int GcmMain(int argc, char **argv, const Ciphers &ciphers)
{
    std::vector<uint64_t> digests;

    FillInput();
    if (!Agree(&digests, ciphers))
        return 1;
    if (argc == 2 && std::strcmp(argv[1], "--answers") == 0) {
        for (size_t i = 0; i < ciphers.size(); i++)
            std::printf("%s %016llx %s\n", ciphers[i]->Name().c_str(),
                        static_cast<unsigned long long>(digests[i]), ciphers[i]->Version().c_str());
        return 0;
    }
    for (size_t i = 0; i < sizeof(kRowLens) / sizeof(kRowLens[0]); i++)
        g_openings[i] = MakeOpenings(ciphers.front().get(), kRowLens[i]);
    for (const auto &cipher : ciphers)
        Register(cipher.get());
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
