/* What all downloads of a run share. */
#ifndef GET_GET_H
#define GET_GET_H

#include "board.h"
#include "directory.h"
#include "download.h"
#include "driver.h"
#include "hosts.h"
#include "list.h"
#include "options.h"

struct get {
    options options;
    struct list list;
    struct directory directory;
    struct driver driver;
    hosts hosts;
    struct board board;
    unsigned jitter; /* the state of rand_r: how the waits before retries differ */
};

#endif
