// The vector kernels of the rank engines, compiled for several instruction sets and chosen at run time (Highway). They trust their
// input: the engines built these forms from a validated forest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trees/ranks.h"
#include "runtime/trees/value_classes.h"

namespace vigil::trees {

// What decides each node: one byte of a row's codes against the node's threshold, or the node's bit in the row of a value's class.
struct NodeTests {
  RankTableView ranks;
  ClassTableView classes;
  size_t half = 32;                   // 32, 64 or 128: where in `column` the missing-goes-left columns begin
  const uint8_t* column = nullptr;    // [nodes], then 64 bytes of padding
  const int8_t* threshold = nullptr;  // [nodes], then 64 bytes of padding
};

// What sums are made of: of floats or of doubles.
struct LeafSums {
  int32_t outputs = 1;
  bool doubles = false;
  const double* base = nullptr;           // [outputs]
  const int32_t* output_begin = nullptr;  // [outputs]
};

inline constexpr int kBlockDepthMin = 3;  // a block's decisions fill at least one byte
inline constexpr int kBlockDepthMax = 6;  // and at most one 64-bit word

// Trees cut into blocks: complete binary trees of `depth` levels in heap order, the root at lane 1 and lane 0 unused. Block t is the top
// of tree t. Exit e of a block is a leaf's value, or, where bit e of its `links` is set, the number of the block to go on with.
struct NodeBlocks {
  NodeTests tests;  // nodes: [blocks][1 << depth]
  LeafSums sums;
  int depth = 0;                    // levels of a block; a block has 1 << depth lanes
  bool linked = false;              // some exit is a link
  const void* exit = nullptr;       // [blocks][lanes] of uint32_t or uint64_t: the bits of a float or double, or a block
  const uint64_t* links = nullptr;  // [blocks]
};

// Sums of n rows; see Engine::Score.
void ScoreNodeBlocks(const NodeBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums);

inline constexpr size_t kLeafLanes = 32;

// Trees of any shape cut into blocks of up to kLeafLanes - 1 splits, in any order. Exit e is taken if and only if the decisions are turn[e]
// wherever path[e] has a bit; then as above. Of unused exits, path and turn have only the last bit, which is no split.
struct LeafBlocks {
  NodeTests tests;  // nodes: [blocks][kLeafLanes]
  LeafSums sums;
  bool linked = false;
  const uint32_t* path = nullptr;  // [blocks][kLeafLanes]
  const uint32_t* turn = nullptr;
  const void* exit = nullptr;       // as in NodeBlocks
  const uint64_t* links = nullptr;  // [blocks]
};
void ScoreLeafBlocks(const LeafBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums);

// Trees all of whose nodes of one level ask the same: bit i of the decisions is level i's, and together they number the leaf.
struct ObliviousTrees {
  NodeTests tests;  // nodes: [trees][lanes]
  LeafSums sums;
  size_t lanes = 8;                // or 16
  const uint32_t* leaf = nullptr;  // [trees]: where in `value` its leaves begin
  const void* value = nullptr;     // of floats or doubles
};
void ScoreObliviousTrees(const ObliviousTrees& trees, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums);

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
