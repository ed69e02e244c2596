// The loops are assembly as a whole, so that no compiler reorders them; nor does it need to be
// told of their instruction sets, and no other function here may hold such an instruction.
#include "ports.h"

extern "C" {
#include "cpu.h"
}

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace
{

constexpr uint64_t kTurns = 64; // of a loop in one iteration

// What depends on nothing: sources are never written, and what is written is renamed.
#define AES(v)   "vaesenc %%" v "1, %%" v "2, %%" v "3\n"
#define CLMUL(v) "vpclmulqdq $0x00, %%" v "4, %%" v "5, %%" v "6\n"

#define REPEAT(num, text) ".rept " #num "\n" text ".endr\n"

// gcm_wide.h's loop has per two steps of 8 vectors 12 AES each, and 3 CLMUL each and 2 to reduce.
// The proportion is 96 to 25, spread evenly.
#define MIX(v) REPEAT(23, AES(v) AES(v) CLMUL(v) AES(v) AES(v)) REPEAT(2, AES(v) CLMUL(v) AES(v))
constexpr int kMixAes = 96;
constexpr int kMixClmul = 25;
constexpr int kAlone = 96;

#define LOOP(name, body)                                                                           \
    void name(uint64_t turns)                                                                      \
    {                                                                                              \
        __asm__ volatile("1:\n" body "dec %0\n"                                                    \
                         "jnz 1b\n"                                                                \
                         "vzeroupper\n"                                                            \
                         : "+r"(turns)                                                             \
                         :                                                                         \
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc");    \
    }

LOOP(Aes128, REPEAT(96, AES("xmm")))
LOOP(Aes256, REPEAT(96, AES("ymm")))
LOOP(Aes512, REPEAT(96, AES("zmm")))
LOOP(Clmul128, REPEAT(96, CLMUL("xmm")))
LOOP(Clmul256, REPEAT(96, CLMUL("ymm")))
LOOP(Clmul512, REPEAT(96, CLMUL("zmm")))
LOOP(Mix128, MIX("xmm"))
LOOP(Mix256, MIX("ymm"))
LOOP(Mix512, MIX("zmm"))

void BenchPort(benchmark::State &state, void (*loop)(uint64_t), int num_aes, int num_clmul)
{
    for (auto _ : state)
        loop(kTurns);
    state.counters["aes"] = static_cast<double>(kTurns) * num_aes;
    state.counters["clmul"] = static_cast<double>(kTurns) * num_clmul;
}

// A register is added to a register: an immediate one some CPUs add up while renaming.
void BenchClock(benchmark::State &state)
{
    for (auto _ : state) {
        uint64_t turns = kTurns;
        uint64_t sum = 0;
        __asm__ volatile("1:\n" REPEAT(100, "add %2, %0\n") "dec %1\n"
                                                            "jnz 1b\n"
                         : "+r"(sum), "+r"(turns)
                         : "r"(UINT64_C(3))
                         : "cc");
        benchmark::DoNotOptimize(sum);
    }
    state.counters["adds"] = static_cast<double>(kTurns) * 100;
}

struct Width {
    const char *bits;
    unsigned needs;
    void (*aes)(uint64_t), (*clmul)(uint64_t), (*mix)(uint64_t);
};

const Width kWidths[] = {
    {"128", ADP_CPU_AESNI | ADP_CPU_PCLMULQDQ | ADP_CPU_AVX, Aes128, Clmul128, Mix128},
    {"256", ADP_CPU_VAES | ADP_CPU_VPCLMULQDQ | ADP_CPU_AVX2, Aes256, Clmul256, Mix256},
    {"512", ADP_CPU_VAES | ADP_CPU_VPCLMULQDQ | ADP_CPU_AVX512, Aes512, Clmul512, Mix512},
};

void Register(const char *name, const Width &width, void (*loop)(uint64_t), int num_aes,
              int num_clmul)
{
    benchmark::RegisterBenchmark((std::string(name) + "/" + width.bits).c_str(), BenchPort, loop,
                                 num_aes, num_clmul);
}

} // namespace

void RegisterPorts()
{
    benchmark::RegisterBenchmark("core_clock", BenchClock);
    for (const Width &width : kWidths) {
        if (!adp_cpu_has(width.needs))
            continue;
        Register("port_aes", width, width.aes, kAlone, 0);
        Register("port_clmul", width, width.clmul, 0, kAlone);
        Register("port_mix", width, width.mix, kMixAes, kMixClmul);
    }
}
