// The body of an Open Inference Protocol `infer` request in JSON → rows.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"

namespace vigil {

inline constexpr size_t kOipInputsMax = 10'000;
inline constexpr size_t kOipRankMax = 8;

struct OipRequest {
  std::string id;                    // the caller's, to be echoed
  std::vector<std::string> outputs;  // asked for by name; empty: all
};

// One serving thread's. Views in the batches it fills hold until its next call.
class OipRows {
 public:
  OipRows();
  ~OipRows();

  // The model's own tensors by their names; or one tensor a column, named like it, of shape [rows] or [rows, 1]; or one tensor of shape
  // [rows, columns] under any name, in the model's order. BYTES for columns of texts, any numeric datatype for the others; `data` flat or
  // nested; null is a missing value. parameters.{ids,entities,times}: lists, or texts with
  // commas. Whatever does not fit is a Failure of kMalformed or kInvalid.
  Status Parse(std::string_view body, const ColumnIndex& columns, OipRequest* request, RowBatch* batch, std::vector<uint32_t>* absent);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "a,b,c" → one text a row: X-Vigil-Ids and its like, and the protocol's parameters. `name` is for messages.
enum class RowHeader : uint8_t { kIds, kEntities, kTimes };
Status FillFromList(std::string_view list, RowHeader what, std::string_view name, RowBatch* batch);

}  // namespace vigil
