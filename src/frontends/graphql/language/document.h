// A query document, parsed and validated once; then any number of threads may execute it any number of times.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/graphql/language/error.h"
#include "frontends/graphql/language/limits.h"
#include "frontends/graphql/language/schema.h"

namespace vigil::graphql {

enum class OperationKind : uint8_t { kQuery, kMutation, kSubscription };

struct Ast;

// Belongs to the schema that it was prepared with, which must outlive it.
class Document {
 public:
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // The kind of the operation that `name` (empty: the only one) stands for; nothing when there is none, or several for an empty name.
  // Execute then answers with the error.
  std::optional<OperationKind> KindOf(std::string_view name) const;
  const Ast& ast() const { return *ast_; }
  const Schema& schema() const { return *schema_; }
  // About what keeping it costs, for a cache.
  size_t bytes() const;

 private:
  friend struct Preparation;
  Document(const Schema& schema, std::unique_ptr<const Ast> ast);

  const Schema* schema_;
  std::unique_ptr<const Ast> ast_;
};

// Exactly one of the two is there.
struct Prepared {
  std::shared_ptr<const Document> document;
  std::vector<Error> errors;  // of syntax (one), of limits, or of validation, in graphql-js's words
};

// Parses and validates. Time and memory are linear in the text but for merge_pairs_max.
Prepared Prepare(const Schema& schema, std::string text, const Limits& limits = {});

}  // namespace vigil::graphql
