// Where one row's values fall, for all columns at once: the lanes of a register are columns, and each edge is one comparison for all of
// them. A column at a time costs several times as much, most of it waiting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vigil {

// Columns are taken sixteen at a time; a block's arrays are padded with columns that count nothing.
inline constexpr size_t kBinLanes = 16;

// Of sixteen columns: everything a value is judged by.
struct alignas(64) BinBlock {
  float lowest[kBinLanes];  // the reference's range as floats: outside where x < lowest or x > highest
  float highest[kBinLanes];
  double mean[kBinLanes];
  double scale[kBinLanes];     // units a standard deviation has, over it
  int32_t place[kBinLanes];    // of bin 0
  int32_t missing[kBinLanes];  // the place of NaN
  size_t edge_begin = 0;       // its edges in BinTable::edges, a row of sixteen for each
  size_t edges = 0;            // of the column that has most
};

struct BinTable {
  size_t columns = 0;
  double units_max = 0;  // standardised values are clipped to +- this
  std::vector<BinBlock> blocks;
  std::vector<float> edges;  // rising; NaN, which nothing reaches, where a column has fewer
};

// Judges the columns of `blocks` blocks from `first_block` on. x: the whole row, [columns]; sums: [columns], to which each value's rounded
// units are added (a missing value adds nothing). For those blocks' columns: places [blocks * kBinLanes], and outside [blocks], a bit a
// lane whose value lies beyond its column's range. True when there is any such bit.
bool PlaceColumns(const BinTable& table, size_t first_block, size_t blocks, const float* x, uint32_t* places, uint16_t* outside,
                  int64_t* sums);

// The instruction set in use: "AVX3", "AVX2", ...
const char* BinKernelTarget();

}  // namespace vigil
