// A write to the running node of a data directory, and what commands read of its JSON.
//
// Errors: those of serve::ask_node; of a refusal its own code and words.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "edge/http/json_out.h"

namespace holdfast::cli {

// `fields`: of the write, such as "\"kind\":\"count\",…"; the key is drawn here. The reply.
Result<boost::json::object> local_write(const std::string& data, const std::string& fields);
Result<boost::json::object> local_write(const std::string& data, const boost::json::object& write);
std::string new_key();
// A text as JSON, in quotes.
std::string as_json(std::string_view text);

// Readers that never fail: what is absent or of another type is nothing.
std::string text_at(const boost::json::object& object, std::string_view name,
                    std::string_view otherwise = "not yet known");  // null, absent
std::int64_t number_at(const boost::json::object& object, std::string_view name);
bool flag_at(const boost::json::object& object, std::string_view name);
const boost::json::object& object_at(const boost::json::object& object, std::string_view name);
const boost::json::array& list_at(const boost::json::object& object, std::string_view name);
std::vector<const boost::json::object*> objects_at(const boost::json::object& object, std::string_view name);

// The id of a person of this site by staff number; an id of 32 digits is given back.
// Errors: people/unknown_staff.
Result<std::string> staff_id(const std::string& data, const std::string& given);

// From the terminal without showing it, or the first line of standard input where that is none.
std::string ask_secret(std::string_view prompt);
// The first line of --pin-file.
std::string pin_in(const std::string& file);

}  // namespace holdfast::cli
