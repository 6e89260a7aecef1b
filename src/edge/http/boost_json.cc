// Boost.JSON's own sources, compiled once for the program and its tests (the library is used without its shared
// object).
#include <boost/json/src.hpp>
