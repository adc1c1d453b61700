# What of graphql/ is compiled into the module.
set(graphql_sources
  graphql/language/built_in.cc graphql/language/coerce.cc graphql/language/collect.cc graphql/language/cost.cc
  graphql/language/document.cc graphql/language/error.cc graphql/language/execute.cc graphql/language/execution.cc
  graphql/language/introspection.cc graphql/language/leaf.cc graphql/language/literal.cc graphql/language/measure.cc
  graphql/language/merge_fields.cc graphql/language/operation.cc graphql/language/print.cc graphql/language/resolvers.cc
  graphql/language/rules_fields.cc graphql/language/rules_fragments.cc graphql/language/rules_introspection.cc
  graphql/language/rules_operations.cc graphql/language/rules_values.cc graphql/language/schema.cc graphql/language/schema_build.cc
  graphql/language/schema_check.cc graphql/language/schema_definitions.cc graphql/language/types.cc graphql/language/validate.cc
  graphql/language/words.cc graphql/syntax/block_string.cc graphql/syntax/lexer.cc graphql/syntax/lexer_strings.cc
  graphql/syntax/parser.cc graphql/syntax/parser_schema.cc graphql/syntax/parser_values.cc graphql/syntax/source.cc)
set(graphql_tests
  graphql/language/execute_test.cc graphql/language/language_test.cc graphql/language/limits_test.cc)
set(graphql_fuzz
  graphql/language/graphql_schema_fuzz.cc graphql/language/graphql_validator_fuzz.cc graphql/syntax/graphql_parser_fuzz.cc)
