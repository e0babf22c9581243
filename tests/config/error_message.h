// The message of the UserError that a call throws.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "pal/core/check.h"

namespace pal {

template <class Call>
std::string error_message(Call&& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "(no error)";
}

}  // namespace pal
