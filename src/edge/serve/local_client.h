// The running node of a data directory, asked over its own HTTP API with its admin.token: what commands on the same
// machine use.
//
// Shape:  nothing is sent while nobody holds the directory's lock: the file http-address outlives a crash, and any user
//         of the machine can listen at that port then, for the token or for a spare's code.
// Errors: edge/no_node: no node serves this directory now. edge/no_answer: one does (its lock is held), and it starts,
//         has no room on its disk, or did not answer; what was asked may be done. keys/not_found: it is no data
//         directory. edge/refused: it refused, in its own words. edge/not_owner, base/disk_failed: whether one does
//         cannot be seen (the directory is another user's).
#pragma once

#include <boost/json.hpp>
#include <string>

#include "core/base/result.h"

namespace holdfast::serve {

// Where it answers, host:port. Good for a call that is made now; looked up again for the next one.
Result<std::string> address_of_node(const std::string& data);
Result<boost::json::object> ask_node(const std::string& data, std::string_view method, const std::string& path,
                                     const std::string& body = "");

}  // namespace holdfast::serve
