// A model's outputs as the columns of a table: one column an output element.
#pragma once

#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "storage/tables.h"

namespace vigil::cli {

// The columns of `outputs`, which are `rows` rows long (0 rows: their shapes still tell). What a ScoreCall asked for beside the signature's
// outputs comes after them: `margin` is named like any output, `contributions` are `contribution_<feature>` and `contribution_bias` (with k
// margins a row `contribution_<k>_<feature>` ...), `leaves` are `leaf_0` ... `features` are the model's columns, in order.
std::vector<TableColumn> AnswerColumns(const Signature& signature, const std::vector<std::string>& features, const Outputs& outputs,
                                       size_t rows);

// The same rows as values. INVALID_ARGUMENT when they are not of `columns` (an output that changes its width), or a whole number is beyond
// 64 signed bits.
Status FillAnswers(const Outputs& outputs, size_t rows, const std::vector<TableColumn>& columns, TableChunk* chunk);

}  // namespace vigil::cli
