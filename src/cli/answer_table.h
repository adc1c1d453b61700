// A model's outputs as the columns of a table: one column an output element.
#pragma once

#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "storage/tables.h"

namespace vigil::cli {

// The columns of `outputs`, which are `rows` rows long (0 rows: their shapes still tell). Outputs that the signature does not list (a
// margin, contributions) come after it and are named alike.
std::vector<TableColumn> AnswerColumns(const Signature& signature, const Outputs& outputs, size_t rows);

// The same rows as values. INVALID_ARGUMENT when they are not of `columns` (an output that changes its width), or a whole number is beyond
// 64 signed bits.
Status FillAnswers(const Outputs& outputs, size_t rows, const std::vector<TableColumn>& columns, TableChunk* chunk);

}  // namespace vigil::cli
