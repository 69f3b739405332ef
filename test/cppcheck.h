/* What cppcheck, which does not read the server's headers, has to know of them. */
#define PG_VERSION_NUM 190000
#define ERROR 21
#define ereport(level, ...) do { __VA_ARGS__; if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) ereport(level, errmsg(__VA_ARGS__))
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
