// The vector kernels of the rank engines, compiled for several instruction sets and chosen at run time (Highway). They trust their
// input: the engines built these forms from a validated forest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trees/ranks.h"

namespace vigil::trees {

inline constexpr int kBlockDepthMin = 3;  // a block's decisions fill at least one byte
inline constexpr int kBlockDepthMax = 6;  // and at most one 64-bit word

// Trees cut into blocks: complete binary trees of `depth` levels in heap order, the root at lane 1 and lane 0 unused. Block t is the top
// of tree t. Exit e of a block is a leaf's value, or, where bit e of its `links` is set, the number of the block to go on with.
struct NodeBlocks {
  RankTableView ranks;
  int32_t outputs = 1;
  const float* base = nullptr;            // [outputs]
  const int32_t* output_begin = nullptr;  // [outputs]
  int depth = 0;                          // levels of a block; a block has 1 << depth lanes
  bool linked = false;                    // some exit is a link
  size_t half = 32;                       // 32 or 64: where in `column` the missing-goes-left columns begin
  const uint8_t* column = nullptr;        // [blocks][lanes], then 64 bytes of padding
  const int8_t* threshold = nullptr;      // [blocks][lanes], then 64 bytes of padding
  const uint32_t* exit = nullptr;         // [blocks][lanes]: a float's bits, or a block
  const uint64_t* links = nullptr;        // [blocks]
};

// Margins of n rows; see Engine::Score.
void ScoreNodeBlocks(const NodeBlocks& blocks, const float* rows, size_t n, size_t features, const int32_t* tree_ends, float* margins);

inline constexpr size_t kRowLanesMax = 64;

// Complete trees of `depth` levels, heap order as above. `column` is a column's number times kRowLanesMax, of twice the ranks' columns:
// first those where a missing value goes right, then those where it goes left. A tree's leaves are four planes of 64 bytes, one a byte of
// the float, lowest first.
struct RowTrees {
  RankTableView ranks;
  int32_t outputs = 1;
  const float* base = nullptr;
  const int32_t* output_begin = nullptr;
  int depth = 0;
  const uint32_t* column = nullptr;   // [trees][1 << depth]
  const int8_t* threshold = nullptr;  // [trees][1 << depth]
  const uint8_t* leaf = nullptr;      // [trees][4][64]
};

// Rows a register holds on this machine.
size_t RowLanes();
// Bytes of `scratch`, aligned to 64.
size_t RowScratchBytes(size_t rank_columns);
void ScoreRowTrees(const RowTrees& trees, const float* rows, size_t n, size_t features, const int32_t* tree_ends, std::byte* scratch,
                   float* margins);

// The instruction set in use: "AVX3_DL", "AVX2", ...
std::string RankKernelTarget();
// Every one that this program holds and this machine can run, best first.
std::vector<std::string> RankKernelTargets();
// For tests: uses that one from now on, in the whole process; empty: the best. Engines that exist keep working.
void UseRankKernelTarget(std::string_view name);

}  // namespace vigil::trees
