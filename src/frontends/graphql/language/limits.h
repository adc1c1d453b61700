// What a GraphQL document may ask for. Each limit is checked before the work that it bounds is done.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::graphql {

struct Limits {
  // Checked while parsing.
  size_t document_bytes_max = 256 * 1024;
  size_t tokens_max = 5'000;
  size_t nesting_max = 100;  // selection sets, values and types within each other: all that the parser ever recurses by

  // Checked before the rules of validation run. Fragments count where they are spread.
  size_t depth_max = 15;                // fields within fields, outside introspection
  size_t introspection_depth_max = 20;  // the same within __schema and __type; the usual tools need 15
  size_t aliases_max = 30;              // per operation
  size_t directives_max = 50;           // per operation
  size_t fields_max = 5'000;            // per operation, and root of all that is walked to count the above

  // Checked while validating.
  size_t errors_max = 100;           // graphql-js's number, with its closing message
  size_t merge_pairs_max = 200'000;  // pairs of fields compared by "overlapping fields can be merged"
  bool suggestions = true;           // "Did you mean": off where the schema's names are not for everybody

  // Checked with the variables known, before a resolver runs. A field costs 1 (introspection nothing, @skip and @include observed) and what
  // is selected below a list counts once an item: as many as `first` or `last` asks for, else list_size_assumed. A connection's `edges` and
  // `nodes` are lists of the size that the connection's own `first` asks for.
  int64_t cost_max = 10'000;
  int64_t list_size_assumed = 10;

  // Checked while executing.
  size_t response_bytes_max = 64 * 1024 * 1024;
  size_t execution_errors_max = 1'000;  // later ones still make their field null
};

}  // namespace vigil::graphql
