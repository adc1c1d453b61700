// What a runtime answered, checked against its signature, and the numbers in it that are watched.
#pragma once

#include <vector>

#include "base/status.h"
#include "domain/table_shape.h"

namespace vigil {

// INTERNAL, saying which output, unless `outputs` holds what `signature` says for `rows` rows.
Status CheckAnswer(const Signature& signature, const TableShape& shape, const Outputs& outputs, size_t rows);

// The score of each row: rows × shape.score.width numbers. `outputs` has passed CheckAnswer.
void ReadScores(const TableShape& shape, const Outputs& outputs, size_t rows, std::vector<float>* scores);

}  // namespace vigil
