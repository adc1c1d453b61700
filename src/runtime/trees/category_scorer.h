// Scores rows whose categories are texts: one tensor a column, coded into the matrix that the forest takes.
#pragma once

#include <memory>

#include "runtime/model.h"
#include "runtime/trees/category_codes.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

// One tensor a column, named as it is: [-1, 1] strings for categories that are texts, [-1, 1] numbers for the rest.
void DescribeCategoryInputs(absl::Span<const std::shared_ptr<const CategoryCodes>> categories, Precision inputs, Signature* signature);

// `inner` takes the coded matrix. `signature` (as DescribeCategoryInputs left it), and `categories`, one a column, must outlive it. A batch
// of one matrix of numbers is taken too: codes in the columns of texts, else the columns' own values.
std::unique_ptr<Scorer> MakeCategoryScorer(const Signature& signature, absl::Span<const std::shared_ptr<const CategoryCodes>> categories,
                                           Precision inputs, std::unique_ptr<Scorer> inner);

}  // namespace vigil::trees
