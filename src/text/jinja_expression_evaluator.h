// Computes the value of expressions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "jinja_functions.h"
#include "jinja_parser.h"

namespace pal::jinja {

class ExpressionEvaluator {
 public:
  explicit ExpressionEvaluator(Dictionary variables) { scopes_.push_back(std::move(variables)); }

  Value evaluate(const Expression& expression);
  // The innermost variable of this name, a function of the environment, or an undefined value.
  Value look_up(const std::string& name) const;

  std::vector<Dictionary>& scopes() { return scopes_; }  // variables, the innermost scope last
  Work& work() { return work_; }

 private:
  Value evaluate_kind(const Expression& expression);
  Value evaluate_list(const Expression& expression);
  Value evaluate_dictionary(const Expression& expression);
  Value evaluate_slice(const Expression& expression);
  Arguments evaluate_arguments(const Expression& expression);
  Value evaluate_call(const Expression& expression);
  Value evaluate_compare(const Expression& expression);
  Value evaluate_concatenation(const Expression& expression);

  std::vector<Dictionary> scopes_;
  Work work_;
};

}  // namespace pal::jinja
