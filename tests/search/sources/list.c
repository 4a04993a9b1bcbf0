/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

/* As many as fit into a page. */
#define MAX_ITEMS 512
#define SQUARE(x) ((x) * (x))

/* Where something is. */
typedef struct {
    int x;
    int y;
} point_t;

struct list {
    struct list *next;
    void *item;
};

typedef int (*compare_fn)(const void *, const void *);

static int num_lists = 0;

/**
 * Puts an item in front.
 * @return the new head
 */
struct list *list_push(struct list *head, void *item)
{
    struct list *made = malloc(sizeof *made);
    made->next = head;
    made->item = item;
    return made;
}

static const char *list_name(void)
{
    return "list";
}

enum order { ASCENDING, DESCENDING };
