// Stages that need no file: rows probe/KIND, compress/KIND/BYTES, digest/BYTES, segment/PIECES,
// parity/ROWS/PARITY.
// Their data lies in the cache, as far as it fits.
extern "C" {
#include "code.h"
#include "codec.h"
#include "floe.h"
#include "gcm.h"
}

#include "pipeline.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace
{

using Bytes = std::vector<uint8_t>;

constexpr size_t kProbeLen = 1 << 20;
constexpr size_t kSegmentLen = 256 << 10;
constexpr size_t kPlainLen = kSegmentLen - ADP_FLOE_OVERHEAD;
constexpr size_t kMaxPieces = 4;

void SetBytes(benchmark::State &state, size_t len)
{
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * len));
}

// A context that adp_codec_compress makes at first use.
struct Codec {
    Codec() = default;
    Codec(const Codec &) = delete;
    Codec &operator=(const Codec &) = delete;
    ~Codec()
    {
        adp_codec_free(zstd);
    }
    void *zstd = nullptr;
};

// --- Data

std::string MakeWord(std::mt19937_64 *random)
{
    // As often as in English, roughly.
    static const char letters[] = "eeeeeettttaaaaooooiiinnnsssrrrhhhlldddccuummffppgwybvk";
    std::string word(2 + (*random)() % 8, ' ');

    for (char &letter : word)
        letter = letters[(*random)() % (sizeof(letters) - 1)];
    return word;
}

// Words of a vocabulary, by Zipf's law, in sentences and lines.
Bytes MakeText(size_t len)
{
    constexpr size_t num_words = 8192;
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(0, std::log(num_words));
    std::vector<std::string> words(num_words);
    Bytes text;

    std::generate(words.begin(), words.end(), [&] { return MakeWord(&random); });
    text.reserve(len + 16);
    while (text.size() < len) {
        const std::string &word = words[static_cast<size_t>(std::exp(uniform(random))) - 1];
        text.insert(text.end(), word.begin(), word.end());
        if (random() % 12 == 0)
            text.push_back(random() % 3 == 0 ? '.' : ',');
        text.push_back(random() % 12 == 0 ? '\n' : ' ');
    }
    text.resize(len);
    return text;
}

Bytes MakeRandom(size_t len)
{
    Bytes data(len);

    FillRandom(data.data(), len, 2);
    return data;
}

// What a compressor left: a photo, an archive.
Bytes MakeCompressed(size_t len)
{
    Bytes text = MakeText(8 * len), data(ZSTD_compressBound(text.size()));

    data.resize(ZSTD_compress(data.data(), data.size(), text.data(), text.size(), 3));
    Expect(data.size() >= len, "the text shrinks too well to make compressed data of it");
    data.resize(len);
    return data;
}

// --- Rows

void Probe(benchmark::State &state, Bytes (*make)(size_t))
{
    Bytes data = make(kProbeLen), out(kProbeLen);
    Codec codec;

    Expect(adp_codec_compress(&codec.zstd, out.data(), data.data(), kProbeLen, ADP_LEVEL_DEFAULT) ==
               0,
           "what should not compress does");
    for (auto _ : state)
        benchmark::DoNotOptimize(
            adp_codec_compress(&codec.zstd, out.data(), data.data(), kProbeLen, ADP_LEVEL_DEFAULT));
    SetBytes(state, kProbeLen);
}

void ProbeLimit(benchmark::State &state)
{
    Bytes data = MakeRandom(kProbeLen), out(kProbeLen);

    for (auto _ : state) {
        std::memcpy(out.data(), data.data(), kProbeLen);
        benchmark::ClobberMemory();
    }
    SetBytes(state, kProbeLen);
}

void Compress(benchmark::State &state, size_t len)
{
    Bytes data = MakeText(len), out(len), back(len);
    void *decoder = nullptr;
    size_t compressed = 0;
    bool is_same;
    Codec codec;

    for (auto _ : state)
        compressed =
            adp_codec_compress(&codec.zstd, out.data(), data.data(), len, ADP_LEVEL_DEFAULT);
    is_same =
        adp_codec_decompress(&decoder, back.data(), len, out.data(), compressed) && back == data;
    adp_codec_free_decoder(decoder);
    Expect(is_same, "what was compressed does not decompress");
    state.counters["ratio"] = static_cast<double>(len) / static_cast<double>(compressed);
    SetBytes(state, len);
}

void CompressLimit(benchmark::State &state, size_t len)
{
    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    Bytes data = MakeText(len), out(ZSTD_compressBound(len));
    size_t compressed = 0;

    for (auto _ : state)
        compressed = ZSTD_compressCCtx(context.get(), out.data(), out.size(), data.data(), len,
                                       ADP_LEVEL_DEFAULT);
    Expect(!ZSTD_isError(compressed), "zstd failed");
    SetBytes(state, len);
}

void Digest(benchmark::State &state, size_t len)
{
    Bytes data = MakeRandom(len);
    adp_gcm_piece halves[2] = {{data.data(), len / 2}, {data.data() + len / 2, len - len / 2}};
    uint8_t digest[ADP_DIGEST_LEN];

    for (auto _ : state) {
        adp_codec_digest(digest, data.data(), len);
        benchmark::ClobberMemory();
    }
    Expect(adp_codec_check_digest(digest, halves, 2), "the digest is another in two pieces");
    SetBytes(state, len);
}

// Registers as wide as the CPU has them, and eight sums: reading is the limit, not adding up.
typedef uint64_t Vector __attribute__((vector_size(32), aligned(8), may_alias));

#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
uint64_t
XorAll(const uint8_t *data, size_t len)
{
    constexpr size_t num_sums = 8;
    const Vector *words = reinterpret_cast<const Vector *>(data);
    Vector sums[num_sums] = {};
    uint64_t all = 0;

    for (size_t i = 0; i < len / sizeof(Vector); i += num_sums) {
#pragma GCC unroll 8
        for (size_t j = 0; j < num_sums; j++)
            sums[j] ^= words[i + j];
    }
    for (const Vector &sum : sums)
        all ^= sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
    return all;
}

void DigestLimit(benchmark::State &state, size_t len)
{
    Bytes data = MakeRandom(len);
    uint64_t expected = 0, found = 0;

    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t word;
        std::memcpy(&word, data.data() + i, sizeof(word));
        expected ^= word;
    }
    for (auto _ : state) {
        found = XorAll(data.data(), len);
        benchmark::DoNotOptimize(found);
    }
    Expect(found == expected, "the sum is wrong");
    SetBytes(state, len);
}

const adp_gcm_kernel *Kernel()
{
    const adp_gcm_kernel *kernel = nullptr;

    Expect(adp_gcm_kernel_select(&kernel, nullptr) == ADP_GCM_OK, "no AES-256-GCM kernel");
    return kernel;
}

// Cuts |data| at odd places.
std::array<adp_gcm_piece, kMaxPieces> Cut(const Bytes &data, size_t num)
{
    std::array<adp_gcm_piece, kMaxPieces> pieces = {};
    size_t at = 0;

    for (size_t i = 0; i < num; i++) {
        size_t len = i + 1 < num ? data.size() / num - 1001 * (i + 1) : data.size() - at;
        pieces[i] = {data.data() + at, len};
        at += len;
    }
    return pieces;
}

void Segment(benchmark::State &state, size_t num_pieces)
{
    const adp_floe_params params = {kSegmentLen, ADP_FLOE_ROTATION};
    const uint8_t key[ADP_FLOE_KEY_LEN] = {1}, aad[] = {2};
    uint8_t header[ADP_FLOE_HEADER_LEN];
    Bytes data = MakeRandom(kSegmentLen), segment(kSegmentLen), back(kPlainLen);
    adp_floe *sealing = nullptr, *opening = nullptr;
    std::array<adp_gcm_piece, kMaxPieces> pieces;
    uint64_t position = 0;
    bool is_good = true;
    adp_gcm_scratch scratch;

    data.resize(kPlainLen);
    pieces = Cut(data, num_pieces);
    Expect(adp_floe_seal_start(&sealing, header, &params, Kernel(), key, aad, sizeof(aad),
                               nullptr) == ADP_OK,
           "sealing does not start");
    for (auto _ : state)
        is_good &= adp_floe_seal_segment(sealing, &scratch, segment.data(), pieces.data(),
                                         num_pieces, position++, 0, nullptr) == ADP_OK;
    is_good = is_good &&
              adp_floe_open_start(&opening, header, &params, Kernel(), key, aad, sizeof(aad),
                                  nullptr) == ADP_OK &&
              adp_floe_open_segment(opening, &scratch, back.data(), segment.data(), segment.size(),
                                    position - 1, 0, nullptr) == ADP_OK &&
              back == data;
    adp_floe_free(sealing);
    adp_floe_free(opening);
    Expect(is_good, "what was sealed does not open");
    SetBytes(state, kPlainLen);
}

void SegmentLimit(benchmark::State &state)
{
    const uint8_t raw_key[ADP_GCM_KEY_LEN] = {1}, aad[9] = {2}; /* as long as FLOE's */
    uint8_t nonce[ADP_GCM_NONCE_LEN] = {0};
    Bytes data = MakeRandom(kSegmentLen), segment(kSegmentLen);
    adp_gcm_piece piece = {data.data(), kPlainLen};
    uint8_t *out = segment.data() + ADP_FLOE_DATA_OFFSET;
    uint64_t count = 0;
    bool is_good = true;
    adp_gcm_scratch scratch;
    adp_gcm_key key;

    adp_gcm_key_init(&key, Kernel(), raw_key);
    for (auto _ : state) {
        std::memcpy(nonce, &++count, sizeof(count));
        is_good &= adp_gcm_seal(&key, &scratch, out, out + kPlainLen, nonce, &piece, 1, aad,
                                sizeof(aad)) == ADP_GCM_OK;
    }
    adp_gcm_key_cleanup(&key);
    Expect(is_good, "sealing failed");
    state.SetLabel(adp_gcm_kernel_name(Kernel()));
    SetBytes(state, kPlainLen);
}

// Rows as a file has them: more than a cache holds, used once, a shard after the other.
void Parity(benchmark::State &state, unsigned num_rows, unsigned num_parity)
{
    constexpr size_t kShardLen = 16 << 10;
    std::unique_ptr<adp_code, decltype(&adp_code_free)> code(adp_code_new(num_rows, num_parity),
                                                             adp_code_free);
    Bytes data = MakeRandom(num_rows * kSegmentLen), parity(num_parity * kSegmentLen);
    std::vector<uint8_t *> rows(num_parity);

    Expect(code != nullptr, "no memory for the code");
    for (auto _ : state) {
        for (size_t at = 0; at < data.size(); at += kShardLen) {
            for (size_t i = 0; i < rows.size(); i++)
                rows[i] = parity.data() + i * kSegmentLen + at % kSegmentLen;
            adp_code_add(code.get(), static_cast<unsigned>(at / kSegmentLen), data.data() + at,
                         kShardLen, rows.data());
        }
    }
    SetBytes(state, data.size());
}

} // namespace

void AddMemoryRows()
{
    using benchmark::State;

    AddRow("probe/random", [](State &state) { Probe(state, MakeRandom); });
    AddRow("probe/compressed", [](State &state) { Probe(state, MakeCompressed); });
    AddRow("probe_limit", ProbeLimit);
    for (size_t len : {size_t{1} << 20, size_t{4} << 20}) {
        std::string end = "/text/" + std::to_string(len);
        AddRow("compress" + end, [len](State &state) { Compress(state, len); });
        AddRow("compress_limit" + end, [len](State &state) { CompressLimit(state, len); });
    }
    for (size_t len : {size_t{4} << 10, size_t{64} << 10, size_t{1} << 20, size_t{64} << 20}) {
        std::string end = "/" + std::to_string(len);
        AddRow("digest" + end, [len](State &state) { Digest(state, len); });
        AddRow("digest_limit" + end, [len](State &state) { DigestLimit(state, len); });
    }
    for (size_t num : {size_t{1}, kMaxPieces})
        AddRow("segment/" + std::to_string(num), [num](State &state) { Segment(state, num); });
    AddRow("segment_limit", SegmentLimit);
    AddRow("parity/80/4", [](State &state) { Parity(state, 80, 4); });
    AddRow("parity/200/2", [](State &state) { Parity(state, 200, 2); });
}
