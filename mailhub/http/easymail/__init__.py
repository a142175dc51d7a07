"""The EasyMail dialect: its management API, under `/easymail`."""
